// Chance that is the same in every process and run, so that all drivers meet the same keys in the same order.

import { Buffer } from 'node:buffer';

/** Numbers from 0 to below 1 (xorshift of 32 bits). */
export function randomNumbers(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** `length` whole numbers from 0 to below `limit`, each as likely as the others. */
export function uniform(length, limit, seed) {
  const next = randomNumbers(seed);
  return Uint32Array.from({ length }, () => Math.floor(next() * limit));
}

/**
 * `length` whole numbers from 0 to below `limit` with Zipf's law: the n-th most popular one comes 1 / n^0.99 times as
 * often as the first, as in YCSB. Which numbers are popular is by chance, so that they are not neighbours.
 */
export function zipf(length, limit, seed) {
  const next = randomNumbers(seed);
  const sums = new Float64Array(limit);
  for (let rank = 0, sum = 0; rank < limit; rank++) {
    sum += (rank + 1) ** -0.99;
    sums[rank] = sum;
  }
  const numbers = shuffled(limit, next);
  return Uint32Array.from({ length }, () => numbers[firstAtLeast(sums, next() * sums[limit - 1])]);
}

/**
 * `length` random ids that look like UUIDs of version 4. Each is one flat text: V8 keeps a text that was put together as a tree of
 * its parts, ten times as large, and all drivers would pay for its garbage collector.
 */
export function uuids(length, seed) {
  const next = randomNumbers(seed);
  const hex = (digits) =>
    Math.floor(next() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0');
  const id = () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(6)}${hex(6)}`;
  return Array.from({ length }, () => Buffer.from(id(), 'latin1').latin1Slice());
}

function shuffled(length, next) {
  const numbers = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const other = Math.floor(next() * (i + 1));
    [numbers[i], numbers[other]] = [numbers[other], numbers[i]];
  }
  return numbers;
}

function firstAtLeast(sums, wanted) {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sums[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
