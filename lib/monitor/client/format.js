'use strict';

// Numbers for people.

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

function count(value) {
  if (value < 10) return short.format(value);
  return value < 10_000 ? whole.format(value) : short.format(value);
}

const share = (value) => `${Number(value.toFixed(1))} %`;

function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = value < 1024 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), units.length - 1);
  const scaled = value / 1024 ** step;
  return `${scaled < 1000 ? fine.format(scaled) : whole.format(scaled)} ${units[step]}`;
}

function duration(ms) {
  if (ms === 0) return '0';
  if (ms < 1000) return `${fine.format(ms)} ms`;
  if (ms < 120_000) return `${fine.format(ms / 1000)} s`;
  return ms < 7_200_000 ? `${fine.format(ms / 60_000)} min` : `${fine.format(ms / 3_600_000)} h`;
}

const said = (value, format) => (value === null || value === undefined ? '–' : format(value));
const clock = (time) => new Date(time).toLocaleTimeString('en-GB');
