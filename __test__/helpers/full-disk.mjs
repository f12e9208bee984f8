// A disk that is full while a log on it is in use. Where each write goes to a new place (btrfs), a store to a mapped
// page would end the process then, so the log must be written with calls there.

import { DISK } from './machine.mjs';
import { Loss } from './power-cuts.mjs';
import { withScope } from './scope.mjs';

/**
 * Fills the machine's disk. Without a backend the engine chooses it.
 * @returns {Promise<string>} what was seen
 * @throws {Loss}
 */
export async function fillDisk(machine, backend) {
  const { said, tail } = await withScope(async (scope) => {
    const running = machine.boot(scope, {
      program: 'full-disk.mjs',
      orders: { folder: DISK, backend },
      // What waits for a flush is not what this is about.
      through: 100,
    });
    await running.until('the end');
    return running.cut();
  });
  if (!said.includes('mapped false')) throw new Loss(`the log is written through a mapping:\n${tail}`);
  const errors = said.find((line) => line.startsWith('errors '));
  if (errors !== 'errors KIMDB_DISK_FULL' || !said.includes('ended with code 0'))
    throw new Loss(`a full disk did more than it may:\n${said.join('\n')}\n${tail}`);
  return `a full disk, with the log written by calls: ${said.find((line) => line.startsWith('verified'))}`;
}
