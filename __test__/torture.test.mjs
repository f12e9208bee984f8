// kill -9 under load, again and again: nothing that was acknowledged is lost, nothing is applied twice.
//
// KIMDB_SEED repeats what is written, KIMDB_KILLS sets the number of kills. `npm run torture` does it for long.

import { randomInt } from 'node:crypto';
import test from 'ava';
import { useFolder } from './helpers/database.mjs';
import { torture } from './helpers/torture.mjs';

const seed = Number(process.env.KIMDB_SEED ?? randomInt(2 ** 31));
const kills = Number(process.env.KIMDB_KILLS ?? 60);

test.serial('kills at random moments lose nothing', async (t) => {
  t.timeout(300_000);
  t.log(`KIMDB_SEED=${seed}`);
  const figures = await torture({ folder: useFolder(t), seed, kills });
  t.log(String(figures));
  t.true(figures.allKills >= kills);
});

test.serial('the control: without a log, the same check notices losses', async (t) => {
  t.timeout(300_000);
  t.log(`KIMDB_SEED=${seed}`);
  await t.throwsAsync(torture({ folder: useFolder(t), seed, kills: 60, safeMode: false }), {
    message: /were acknowledged/,
  });
});
