// npm run quickstart: prepares a fresh clone, then runs examples/quickstart.mjs.
import { join } from 'node:path';
import process from 'node:process';
import { buildAddon } from './support/addon.mjs';
import { root, run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { step } from './support/terminal.mjs';

requireTools();
await installDependencies();
await buildAddon();
step('Running examples/quickstart.mjs');
process.exitCode = await run(process.execPath, [join(root, 'examples', 'quickstart.mjs')]);
