// What each key holds: told by its number and how often it was written, so that nothing has to be remembered.

import { mix } from '../../helpers/random.mjs';

const MIB = 2 ** 20;
/** Of so many keys one is large, up to `LARGE` bytes; of so many one is huge, up to what the run asks for. */
const LARGE_EACH = 2_000;
const HUGE_EACH = 100_000;
const SMALL = 4096;
const LARGE = MIB;
/** The first keys are huge too, so that short runs have some. */
export const ALWAYS_HUGE = 4;

const ROOM = 64 * 1024;
const NOISE = Array.from({ length: ROOM }, (_, i) => String.fromCharCode(33 + (mix(1, i) % 90)))
  .join('')
  .replace(/["\\]/g, '-');

/** `huge`: bytes of the largest values. */
export function valuesOf(seed, huge) {
  const most = (key) => {
    if (key < ALWAYS_HUGE || key % HUGE_EACH === 0) return huge;
    return key % LARGE_EACH === 0 ? LARGE : SMALL;
  };

  /** Bytes of JSON, spread evenly over the orders of magnitude. */
  function size(key, version) {
    const part = mix(seed, key, version) / 2 ** 32;
    return Math.max(1, Math.floor(most(key) ** part));
  }

  return {
    /** Whether it is so large that it is not to be written all the time. */
    isHuge: (key) => most(key) === huge,
    size,
    value(key, version) {
      const bytes = size(key, version);
      if (bytes < 10) return mix(seed, version, key) % 10 ** bytes;
      const head = `${key}:${version}:`;
      const room = bytes - 2 - head.length;
      if (room <= 0) return head.slice(0, bytes - 2);
      const from = mix(key, version) % ROOM;
      const tail = NOISE.slice(from, from + room);
      const missing = room - tail.length;
      return missing === 0
        ? head + tail
        : head + tail + NOISE.repeat(Math.ceil(missing / ROOM)).slice(0, missing);
    },
  };
}
