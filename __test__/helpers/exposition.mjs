// Reads text for Prometheus as its own parser does, and throws where that would refuse it: format 0.0.4,
// https://prometheus.io/docs/instrumenting/exposition_formats/

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const ESCAPES = { '\\\\': '\\', '\\"': '"', '\\n': '\n' };

/** Families in order: `{ name, type, help, samples: [{ name, labels, value }] }`. */
export function parseExposition(text) {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map();
  const series = new Set();
  let current;
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line);
    if (comment !== null) {
      const [, what, name, rest] = comment;
      if (current?.name !== name) {
        if (families.has(name)) throw new Error(`${name} comes in two pieces`);
        current = { name, samples: [] };
        families.set(name, current);
      }
      const key = what.toLowerCase();
      if (current[key] !== undefined || current.samples.length > 0)
        throw new Error(`late or double: ${line}`);
      if (what === 'TYPE' && !TYPES.includes(rest)) throw new Error(`no type: ${line}`);
      current[key] = rest;
      continue;
    }
    const sample = parseSample(line);
    const suffixes = current?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    if (!suffixes.some((suffix) => sample.name === current?.name + suffix)) {
      throw new Error(`belongs to no family: ${line}`);
    }
    const identity = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (series.has(identity)) throw new Error(`a series twice: ${line}`);
    series.add(identity);
    current.samples.push(sample);
  }
  return [...families.values()];
}

function parseSample(line) {
  const sample = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`).exec(line);
  if (sample === null) throw new Error(`no sample: ${line}`);
  const [, name, text = '', number] = sample;
  const labels = {};
  let rest = text;
  while (rest !== '') {
    const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/.exec(rest);
    if (label === null || Object.hasOwn(labels, label[1])) throw new Error(`labels that cannot be: ${line}`);
    labels[label[1]] = label[2].replace(/\\[\\"n]/g, (escaped) => ESCAPES[escaped]);
    rest = rest.slice(label[0].length);
  }
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (!/^(\+Inf|-?\d+(\.\d+)?(e[+-]?\d+)?)$/.test(number)) throw new Error(`no number: ${line}`);
  return { name, labels, value };
}
