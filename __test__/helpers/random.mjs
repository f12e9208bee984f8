// Random numbers that a seed repeats.

/** A number of 32 bits out of several (each step is the finaliser of MurmurHash3). */
export function mix(...parts) {
  let hash = 0;
  for (const part of parts) {
    hash = Math.imul(hash ^ part ^ 0x9e3779b9, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

/** A function that gives numbers from 0 to below its argument, the same ones for the same seed. */
export function randomFrom(seed) {
  let count = 0;
  return (range) => mix(seed, ++count) % range;
}
