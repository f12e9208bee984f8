// What `npm run profile` looks at: the bulk example of the API document, up to the end of the flush.
import { join } from 'node:path';
import process from 'node:process';
import SimpleDB from '../../index.mjs';
import { COLLECTION, seedDocument, seedId } from '../support/documents.mjs';

const [folder, count] = process.argv.slice(2);
const db = new SimpleDB({
  dbPath: join(folder, 'bench.db'),
  walPath: join(folder, 'buffer.wal'),
  bufferSize: 100_000,
  logger: false,
});
for (let i = 0; i < Number(count); i++) await db.set(COLLECTION, seedId(i), seedDocument(i));
db.flushSync();
// Closing would checkpoint, which is no part of it.
process.kill(process.pid, 'SIGKILL');
