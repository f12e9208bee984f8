// The loops that the clock runs around, the same for every driver.

// Often enough for calls that take a millisecond, seldom enough for those that take less than a microsecond.
const LOOK_AT_CLOCK = 16;

/**
 * Gives `count` documents to the driver one after the other. A driver whose call is done when it returns, or that
 * gathers its calls, returns nothing, and then there is nothing to wait for.
 */
export async function writeEach(store, collection, count, idOf, documentOf) {
  for (let i = 0; i < count; i++) {
    const pending = store.set(collection, idOf(i), documentOf(i));
    if (pending) await pending;
  }
}

/**
 * Runs `step(i)` up to `count` times, but not much longer than `limitMs`, and waits for what it returns: a promise
 * of null is a document that is gone. What `finish` does belongs to the measured time too.
 */
export async function repeat(count, limitMs, step, finish) {
  const start = performance.now();
  const end = start + limitMs;
  let i = 0;
  while (i < count) {
    const pending = step(i);
    if (pending && (await pending) === null) throw gone(i);
    i += 1;
    if (i % LOOK_AT_CLOCK === 0 && performance.now() > end) break;
  }
  if (finish) await finish();
  return { operations: i, milliseconds: performance.now() - start };
}

/** Like `repeat`, and looks at the clock after each step. Gives percentiles of what a step took, in microseconds. */
export async function repeatTimed(count, limitMs, step) {
  const times = [];
  const start = performance.now();
  let before = start;
  for (let i = 0; i < count && before - start < limitMs; i++) {
    const pending = step(i);
    if (pending && (await pending) === null) throw gone(i);
    const now = performance.now();
    times.push(now - before);
    before = now;
  }
  return { operations: times.length, milliseconds: before - start, percentiles: percentiles(times) };
}

/**
 * How many steps a second, and then, in a pass of its own because looking at the clock costs time, how long a step
 * takes. The second pass goes on with the numbers of the first; `steps` is how many there were in both.
 */
export async function measureSteps(count, limitMs, step, finish) {
  const { operations, milliseconds } = await repeat(count, limitMs, step, finish);
  const timed = await repeatTimed(Math.ceil(operations / 4), limitMs, (i) => step(operations + i));
  return { operations, milliseconds, percentiles: timed.percentiles, steps: operations + timed.operations };
}

function percentiles(times) {
  const sorted = Float64Array.from(times).sort();
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] * 1000;
  return {
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    max: sorted[sorted.length - 1] * 1000,
  };
}

/** A function that reads one document and fails where there is none; for drivers that give a promise, who awaits it does. */
export function reader(store, collection) {
  if (!store.readsAtOnce) return (id) => store.get(collection, id);
  return (id) => {
    if (store.dataOf(store.get(collection, id)) === undefined) throw gone(`'${id}'`);
  };
}

const gone = (what) => new Error(`the document of step ${what} is gone`);
