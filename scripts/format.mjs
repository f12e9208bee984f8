// npm run format: writes the formatting that npm run check asks for.
import process from 'node:process';
import { packageBin, run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';

requireTools();
await installDependencies();
const rust = await run('cargo', ['fmt', '--all']);
const javascript = await packageBin('@biomejs/biome/bin/biome', ['check', '--write', '.']);
process.exitCode = rust || javascript;
