// What this kimdb wants to reach. Each target compares two figures of the same run, or one with a number.
import { better } from './summary.mjs';

const LMDB = 'lmdb';
const OLD = 'kimdb-old';

/** `against`: the other driver, line or workload (the same where left out); `times`: how many times better at least. */
const TARGETS = [
  { workload: 'seed', line: 'flushed', against: { driver: LMDB }, times: 0.9 },
  { workload: 'seed', line: 'flushed', against: { driver: OLD }, times: 11 },
  { workload: 'seed', line: 'acknowledged', against: { driver: LMDB }, times: 2 },
  { workload: 'docs', line: 'flushed', against: { driver: LMDB }, times: 1 },
  { workload: 'uuid', line: 'flushed', against: { driver: LMDB }, times: 1.5 },
  { workload: 'hot', line: 'one', against: { driver: LMDB, line: 'together' }, times: 1.5 },
  { workload: 'read-hot', line: 'read', against: { driver: LMDB }, times: 2 },
  { workload: 'read-cold', line: 'read', against: { driver: 'better-sqlite3' }, times: 1.5 },
  { workload: 'durable', line: 'one', against: { driver: 'bare-fdatasync' }, times: 0.7 },
  { workload: 'durable', line: 'together', against: { driver: LMDB }, times: 1 },
  { workload: 'durable', line: 'batch', against: { driver: LMDB }, times: 1 },
  { workload: 'bulk', line: 'acknowledged', against: { workload: 'seed' }, times: 2 },
  { workload: 'bulk', line: 'flushed', against: { workload: 'seed' }, times: 2 },
  { workload: 'recover', line: 'opened', atLeast: 1_000_000 },
  { workload: 'lag', line: 'p99', against: { driver: LMDB }, times: 1 },
  { workload: 'lag', line: 'p99', against: { driver: OLD }, times: 10 },
];

/** A write into the largest database costs at most this many times as much as one into the smallest. */
const FLAT = 1.25;

/** Those of the targets that this run says something about: { text, reached, wanted, isMet }. */
export function judge(workloads) {
  const targets = TARGETS.map((target) => judgeOne(workloads, target));
  return [...targets, judgeGrowth(workloads.find(({ name }) => name === 'grow'))].filter(Boolean);
}

function judgeOne(workloads, { workload, line, against, times, atLeast }) {
  const own = find(workloads, workload, line, 'kimdb');
  if (!own) return undefined;
  const text = `${workload}, ${own.title}`;
  if (atLeast !== undefined) {
    return {
      text,
      reached: `${count(own.median)} ${own.unit}`,
      wanted: `${count(atLeast)} ${own.unit}`,
      isMet: own.median >= atLeast,
    };
  }
  const other = find(
    workloads,
    against.workload ?? workload,
    against.line ?? line,
    against.driver ?? 'kimdb',
  );
  if (!other) return undefined;
  const ratio = better(own.unit, own.median, other.median);
  const what = [against.driver ?? against.workload, against.line && other.title].filter(Boolean).join(', ');
  return {
    text,
    reached: `${ratio.toFixed(2)} x ${what}`,
    wanted: `${times} x ${what}`,
    isMet: ratio >= times,
  };
}

function judgeGrowth(grow) {
  const costs = grow?.rows.filter(({ line, driver }) => line.startsWith('cost-') && driver === 'kimdb') ?? [];
  if (costs.length < 2) return undefined;
  const ratio = costs[costs.length - 1].median / costs[0].median;
  return {
    text: 'grow, cost of a write in the largest database',
    reached: `${ratio.toFixed(2)} x that in the smallest`,
    wanted: `at most ${FLAT} x`,
    isMet: ratio <= FLAT,
  };
}

function find(workloads, name, line, driver) {
  const workload = workloads.find((one) => one.name === name);
  const row = workload?.rows.find((one) => one.line === line && one.driver === driver);
  return row && { ...row, ...workload.lines[line] };
}

const count = (number) => Math.round(number).toLocaleString('en-US');
