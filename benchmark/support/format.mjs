// How figures are written.

/** Three digits that mean something: 1,230,000, 12.3, 0.0456. */
export function figure(number) {
  if (number === undefined || !Number.isFinite(number)) return '';
  if (Math.abs(number) >= 100) return Math.round(number).toLocaleString('en-US');
  return String(Number(number.toPrecision(3)));
}

/** The same in less room: 1.23M, 12.3k. */
export function shortFigure(number) {
  if (number >= 1e6) return `${figure(number / 1e6)}M`;
  return number >= 1e4 ? `${figure(number / 1e3)}k` : figure(number);
}

/** Microseconds with a unit that fits: 850 ns, 12.3 µs, 4.5 ms. */
export function duration(microseconds) {
  if (microseconds === undefined) return '';
  if (microseconds < 1) return `${figure(microseconds * 1000)} ns`;
  if (microseconds < 1000) return `${figure(microseconds)} µs`;
  if (microseconds < 1e6) return `${figure(microseconds / 1000)} ms`;
  return `${figure(microseconds / 1e6)} s`;
}

export const ratio = (number) => (number === undefined ? '' : `${number.toFixed(2)} x`);

/** Options of a workload as text: count 1,000,000, limitMs 1,500. */
export function optionText(options) {
  const value = (one) => (Array.isArray(one) ? one.map(value).join(' ') : one.toLocaleString('en-US'));
  return Object.entries(options)
    .map(([name, one]) => `${name} ${value(one)}`)
    .join(', ');
}
