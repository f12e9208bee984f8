// npm run screenshots: makes docs/monitor.png and docs/monitor-dark.png anew, of the page under a load. Needs Chromium.
import process from 'node:process';
import { buildAddon } from './support/addon.mjs';
import { run } from './support/command.mjs';
import { installDependencies } from './support/dependencies.mjs';
import { requireTools } from './support/requirements.mjs';
import { prepareSuite } from './support/suites.mjs';

requireTools();
await installDependencies();
await buildAddon();
await prepareSuite('browser');
process.exitCode = await run(process.execPath, ['browser/screenshots.mjs']);
