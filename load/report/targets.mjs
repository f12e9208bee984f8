// What this kimdb wants to reach, in comparison with the other stores of the same run.
import { figure } from '../../benchmark/support/format.mjs';
import { BARE, NEW, OLD } from '../stores/index.mjs';

/** The event loop may be so much later than without a store, in milliseconds. */
const LATER_MS = 2;
/** How many times shorter the longest delay is than the old library's. */
const TIMES = 10;

/** Those of the targets that this run says something about: { text, reached, wanted, isMet }. */
export function judge(rows) {
  const find = (wanted) => rows.find(({ name }) => name === wanted);
  const [own, old, bare] = [find(NEW), find(OLD), find(BARE)];
  if (!own) return [];
  const bad = own.failed + own.wrong;
  const targets = [
    { text: 'answers that failed or were wrong', reached: figure(bad), wanted: '0', isMet: bad === 0 },
  ];
  if (bare) {
    const later = own.mix.loop.p99 - bare.mix.loop.p99;
    targets.push({
      text: 'event loop, p99, later than without a store',
      reached: `${figure(later)} ms`,
      wanted: `at most ${LATER_MS} ms`,
      isMet: later <= LATER_MS,
    });
  }
  if (old) {
    for (const [phase, name] of [
      ['mix', 'reads and writes'],
      ['burst', 'bursts'],
    ]) {
      const times = old[phase].loop.max / own[phase].loop.max;
      targets.push({
        text: `event loop, longest delay, ${name}`,
        reached: `${times.toFixed(2)} x kimdb-old`,
        wanted: `${TIMES} x kimdb-old`,
        isMet: times >= TIMES,
      });
    }
  }
  return targets;
}
