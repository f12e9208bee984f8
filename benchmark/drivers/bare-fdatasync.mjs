// The limit of the disk: 200 bytes into a file whose blocks exist already, then fdatasync.
import { Buffer } from 'node:buffer';
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { SMALL_BYTES } from '../support/documents.mjs';
import { repeatTimed } from '../support/loops.mjs';

export const title = 'limit: fdatasync';
export const version = process.versions.node;
export const settings = 'fs.writeSync of the bytes over existing blocks of a file, then fs.fdatasyncSync';

export const measures = {
  async durable({ count, together, limitMs }, folder) {
    const all = Buffer.alloc(together * SMALL_BYTES, 'x');
    const file = openSync(join(folder, 'bare'), 'w');
    // Blocks that are new would have to be noted by the file system too, which is a second write.
    writeSync(file, all, 0, all.length, 0);
    fsyncSync(file);
    const one = await repeatTimed(count, limitMs, (i) => {
      writeSync(file, all, 0, SMALL_BYTES, (i % together) * SMALL_BYTES);
      fdatasyncSync(file);
    });
    const start = performance.now();
    writeSync(file, all, 0, all.length, 0);
    fdatasyncSync(file);
    const milliseconds = performance.now() - start;
    closeSync(file);
    return [
      { line: 'one', ...one },
      { line: 'batch', operations: together, milliseconds },
    ];
  },
};
