// A short soak run: writes faster than the disk takes them, by every path, with values from a byte to megabytes, over
// databases that are closed and opened meanwhile. `npm run soak` does it for long.

import { randomInt } from 'node:crypto';
import test from 'ava';
import { useFolder } from './helpers/database.mjs';
import { plateau, soak } from './helpers/soak.mjs';

const MIB = 2 ** 20;
const seed = Number(process.env.KIMDB_SEED ?? randomInt(2 ** 31));

test.serial('what was written is there, and memory and files stop growing', async (t) => {
  t.timeout(300_000);
  t.log(`KIMDB_SEED=${seed}`);
  const { samples, done } = await soak({
    folder: useFolder(t),
    seconds: 20,
    keys: 30_000,
    huge: 6 * MIB,
    seed,
    verify: 30_000,
  });
  t.log(done);
  t.true(done.verified > 1000 && done.huge > 0 && done.reopened >= 2);
  // So short a run is mostly warm-up: what is left of it is little against what a leak of each write would be.
  for (const [name, bytes] of [
    ['rss', 150 * MIB],
    ['memoryBytes', 60 * MIB],
    ['disk', 200 * MIB],
  ]) {
    const { middle, last, isFlat } = plateau(samples, name, { part: 0.25, bytes });
    t.log(`${name}: ${Math.round(middle / MIB)} MiB, then ${Math.round(last / MIB)} MiB`);
    t.true(isFlat, name);
  }
  t.true(done.full > 0, 'writes have waited for a full log');
});

test('a figure that grows is no plateau', (t) => {
  const samples = (grow) => Array.from({ length: 90 }, (_, i) => ({ rss: 100 * MIB + i * grow }));
  const bounds = { part: 0.05, bytes: 8 * MIB };
  t.false(plateau(samples(MIB), 'rss', bounds).isFlat);
  t.true(plateau(samples(1000), 'rss', bounds).isFlat);
  t.true(plateau(samples(-MIB), 'rss', bounds).isFlat);
  const spikes = samples(0).map(({ rss }, i) => ({ rss: i % 10 === 0 ? rss * 5 : rss }));
  t.true(plateau(spikes, 'rss', bounds).isFlat, 'values of 40 MB come and go');
  t.false(plateau(samples(0).slice(0, 2), 'rss', bounds).isFlat, 'too few to tell');
});
