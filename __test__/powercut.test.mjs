// A few power cuts on a real file system, where this machine has user-mode Linux; `npm run powercut` fetches it, cuts
// the power more often and on more file systems. KIMDB_SEED repeats what is written and where the cuts are aimed at.

import { randomInt } from 'node:crypto';
import test from 'ava';
import { findMachineTools } from '../scripts/support/machine-tools.mjs';
import { useFolder } from './helpers/database.mjs';
import { Machine } from './helpers/machine.mjs';
import { Loss, powerCuts } from './helpers/power-cuts.mjs';

const seed = Number(process.env.KIMDB_SEED ?? randomInt(2 ** 31));

function makeMachine(t) {
  t.timeout(300_000);
  const tools = findMachineTools();
  if (!tools.kernel || !tools.makers.ext4) {
    t.log(
      'not run: user-mode Linux or mkfs.ext4 is not on this machine; npm run powercut fetches them (Debian)',
    );
    return undefined;
  }
  t.log(`KIMDB_SEED=${seed}`);
  return new Machine(tools, 'ext4', useFolder(t));
}

test.serial('power cuts lose nothing that was acknowledged as being on the disk', async (t) => {
  const machine = makeMachine(t);
  if (machine === undefined) return t.pass();
  const figures = await powerCuts({ machine, seed, cuts: 5 });
  t.log(String(figures));
  t.true(figures.allCuts >= 5);
  return undefined;
});

test.serial('the control: where syncs do nothing, the same check notices losses', async (t) => {
  const machine = makeMachine(t);
  if (machine === undefined) return t.pass();
  await t.throwsAsync(powerCuts({ machine, seed, cuts: 30, control: true }), { instanceOf: Loss });
  return undefined;
});
