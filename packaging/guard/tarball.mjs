// What is in a tarball, read from the tarball itself.
import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Parser } from 'tar';

/** @returns {Promise<{ entries: Map<string, { type: string, mode: number, size: number, content: Buffer }>, packed: number, unpacked: number }>} */
export async function readTarball(file) {
  const entries = new Map();
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const chunks = [];
      entry.on('data', (chunk) => chunks.push(chunk));
      entry.on('end', () => {
        const { path, type, mode, size } = entry;
        entries.set(path.replace(/^package\//, ''), { type, mode, size, content: Buffer.concat(chunks) });
      });
    },
  });
  await pipeline(createReadStream(file), parser);
  const unpacked = [...entries.values()].reduce((total, { size }) => total + size, 0);
  return { entries, packed: statSync(file).size, unpacked };
}
