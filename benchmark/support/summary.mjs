// Medians of the rounds and ratios between drivers.

/** The driver that the others are compared with. */
const REFERENCE = 'kimdb';
export const isRate = (unit) => unit.endsWith('/s');

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** One row for each line of the workload and driver, in the order of both. */
export function summarise({ lines, drivers }, results) {
  return Object.entries(lines).flatMap(([line, { unit }]) => {
    const rows = drivers.flatMap((driver) => {
      const own = results.filter((figure) => figure.line === line && figure.driver === driver);
      return own.length === 0 ? [] : [summariseDriver(line, unit, driver, own)];
    });
    const reference = rows.find(({ driver }) => driver === REFERENCE);
    for (const row of rows)
      row.timesBetter = reference ? better(unit, reference.median, row.median) : undefined;
    return rows;
  });
}

/** How many times better the first figure is than the second. */
export function better(unit, first, second) {
  return isRate(unit) ? first / second : second / first;
}

function summariseDriver(line, unit, driver, own) {
  const values = own.map(({ value, operations, milliseconds }) =>
    isRate(unit) ? (operations / milliseconds) * 1000 : value,
  );
  return {
    line,
    driver,
    rounds: own.length,
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    peakMegabytes: median(own.map(({ peakMegabytes }) => peakMegabytes)),
    percentiles: summarisePercentiles(own),
  };
}

function summarisePercentiles(own) {
  const all = own.flatMap(({ percentiles }) => percentiles ?? []);
  if (all.length === 0) return undefined;
  const names = Object.keys(all[0]);
  return Object.fromEntries(names.map((name) => [name, median(all.map((one) => one[name]))]));
}
