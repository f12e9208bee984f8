// Does calls, keeps what they read, and ends without close() as it was told.

import { readFileSync, writeFileSync } from 'node:fs';
import { SimpleDB } from 'kimdb/hyperscale';
import { perform } from '../helpers/steps.mjs';

const { steps, results, options, ending } = JSON.parse(readFileSync(JSON.parse(process.argv[2]), 'utf8'));
const db = new SimpleDB(options);
writeFileSync(results, JSON.stringify(await perform(db, steps)));
if (ending === 'kill') process.kill(process.pid, 'SIGKILL');
process.exit(0);
