// Medians, ratios and the table that shows them.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Sums up the rounds of each driver. Ratios are how many times faster `reference` is than the driver. */
export function summarise(rounds, names, reference) {
  const rows = names.map((driver) => {
    const own = rounds.filter((round) => round.driver === driver);
    const rates = own.map(({ operations, milliseconds }) => (operations / milliseconds) * 1000);
    return {
      driver,
      rounds: own.length,
      medianPerSecond: median(rates),
      minPerSecond: Math.min(...rates),
      maxPerSecond: Math.max(...rates),
      medianMilliseconds: median(own.map(({ milliseconds }) => milliseconds)),
      peakMegabytes: median(own.map(({ peakMegabytes }) => peakMegabytes)),
    };
  });
  const own = rows.find(({ driver }) => driver === reference);
  for (const row of rows) row.ratio = own ? own.medianPerSecond / row.medianPerSecond : undefined;
  return rows;
}

export function printSummary(rows, reference) {
  const whole = (number) => Math.round(number).toLocaleString('en-US');
  printTable([
    ['driver', 'median ops/s', 'slowest', 'fastest', 'median ms', 'peak MB', `${reference}, times as fast`],
    ...rows.map((row) => [
      row.driver,
      whole(row.medianPerSecond),
      whole(row.minPerSecond),
      whole(row.maxPerSecond),
      whole(row.medianMilliseconds),
      whole(row.peakMegabytes),
      row.driver === reference || row.ratio === undefined ? '' : `${row.ratio.toFixed(2)} x`,
    ]),
  ]);
}

/** The first row is the heading; the first column is text, the others are numbers. */
function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  rows.forEach((row, index) => {
    const cells = row.map((text, column) =>
      column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]),
    );
    console.log(cells.join('   '));
    if (index === 0) console.log(widths.map((width) => '-'.repeat(width)).join('   '));
  });
}
