// npm run format: writes the formatting that npm run check asks for.
import { join } from 'node:path';
import process from 'node:process';
import { packageBin, root, run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';

requireTools();
await installDependencies();
const rust = await run('cargo', ['fmt', '--all']);
const bare = join(root, 'benchmark', 'bare', 'Cargo.toml');
const bareRust = await run('cargo', ['fmt', '--manifest-path', bare]);
const javascript = await packageBin('@biomejs/biome/bin/biome', ['check', '--write', '.']);
process.exitCode = rust || bareRust || javascript;
