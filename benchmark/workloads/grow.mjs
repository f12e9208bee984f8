// What the size of the database does to a write, to memory and to opening. One process a size: each goes on where the
// one before has stopped.
import { expectDocuments } from '../support/check.mjs';
import { COLLECTION, seedDocument, seedId } from '../support/documents.mjs';
import { writeEach } from '../support/loops.mjs';

export const title = 'the documents of seed in a growing database: cost of a write, memory, time to open';
export const needs = ['set', 'acknowledge', 'flush'];
export const sizes = {
  full: { points: [100_000, 300_000, 1_000_000] },
  quick: { points: [20_000, 50_000, 100_000] },
  smoke: { points: [1000, 3000] },
  large: { points: [1_000_000, 10_000_000, 30_000_000] },
};

const short = (count) => (count % 1e6 === 0 ? `${count / 1e6}M` : `${count / 1000}k`);
export const mostDocuments = ({ points }) => Math.max(...points);

export function linesFor({ points }) {
  const lines = points.flatMap((size) => [
    [`cost-${size}`, { group: 'cost of a write, ns', title: `up to ${short(size)}`, unit: 'ns', size }],
    [`memory-${size}`, { group: 'memory, MB', title: `up to ${short(size)}`, unit: 'MB', size }],
    [`open-${size}`, { group: 'time to open, ms', title: `with ${short(size)}`, unit: 'ms', size }],
  ]);
  return Object.fromEntries(lines);
}

export function phases({ points }) {
  const growing = points.map((size, i) => (context) => grow(context, points[i - 1] ?? 0, size));
  return [...growing, (context) => openAt(context, points[points.length - 1]).then(({ figures }) => figures)];
}

async function grow(context, from, to) {
  const { store, figures } = await openAt(context, from);
  const idOf = (i) => seedId(from + i);
  const documentOf = (i) => seedDocument(from + i);
  const start = performance.now();
  await writeEach(store, COLLECTION, to - from, idOf, documentOf);
  await store.acknowledge();
  await store.flush();
  const nanoseconds = (performance.now() - start) * 1e6;
  await expectDocuments(store, COLLECTION, to - from, idOf, documentOf);
  return [
    ...figures,
    { line: `cost-${to}`, value: nanoseconds / (to - from) },
    { line: `memory-${to}`, value: process.resourceUsage().maxRSS / 1024 },
  ];
}

/** Opening ends with the first document that is read. */
async function openAt({ open }, size) {
  const start = performance.now();
  const store = await open();
  if (size === 0) return { store, figures: [] };
  await expectDocuments(store, COLLECTION, 1, seedId, seedDocument);
  const milliseconds = performance.now() - start;
  await expectDocuments(store, COLLECTION, size, seedId, seedDocument);
  return { store, figures: [{ line: `open-${size}`, value: milliseconds }] };
}
