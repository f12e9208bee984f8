'use strict';

// Text on a terminal: colours, widths, and nothing that a document could do to it.

const COLORS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

/** Colours for a stream: only on a terminal, and not where NO_COLOR is set (no-color.org). */
function paint(stream, environment = process.env) {
  const isOn = Boolean(stream.isTTY) && !environment.NO_COLOR && environment.TERM !== 'dumb';
  const color = (code) => (text) => (isOn ? `\u001b[${code}m${text}\u001b[0m` : text);
  return Object.fromEntries(Object.entries(COLORS).map(([name, code]) => [name, color(code)]));
}

/**
 * Names and texts come from documents: what would steer the terminal is shown as an escape instead. Inside of JSON it
 * still means the same.
 */
function printable(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

const NARROW = /\p{Mark}|\u200b|\u200d/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** Columns that a text takes on a terminal. Korean letters take two. */
function widthOf(text) {
  let width = 0;
  for (const character of text) width += WIDE.test(character) ? 2 : NARROW.test(character) ? 0 : 1;
  return width;
}

/** Rows in columns; the first row is the heading. Numbers are aligned to the right. */
function table(rows, stream = process.stdout) {
  const { bold } = paint(stream);
  const isNumber = rows[0].map((_, column) => rows.slice(1).every((row) => typeof row[column] === 'number'));
  const texts = rows.map((row) =>
    row.map((cell) => (typeof cell === 'number' ? count(cell) : oneLine(cell))),
  );
  const widths = texts[0].map((_, column) => Math.max(...texts.map((row) => widthOf(row[column]))));
  const line = (row) =>
    row
      .map((text, column) => {
        const space = ' '.repeat(widths[column] - widthOf(text));
        return isNumber[column] ? space + text : text + space;
      })
      .join('  ')
      .trimEnd();
  return texts.map((row, index) => (index === 0 ? bold(line(row)) : line(row))).join('\n');
}

/** Names and values, one below the other. */
function listing(pairs) {
  const widest = Math.max(...pairs.map(([name]) => widthOf(name)));
  return pairs
    .map(([name, value]) => {
      const text = typeof value === 'number' ? count(value) : oneLine(value);
      return `${name}${' '.repeat(widest - widthOf(name))}  ${text}`;
    })
    .join('\n');
}

/** The same for a text that has to stay on its line. */
const oneLine = (text) => printable(text).replaceAll('\n', '\\n');

/** A number as people read it. */
const count = (number) => number.toLocaleString('en-US');

/** '1 document', '2 documents'. */
const countOf = (number, noun) => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;

/** A number of bytes as people read it. */
function bytes(number) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const unit = Math.min(Math.floor(Math.log2(Math.max(number, 1)) / 10), units.length - 1);
  return unit === 0 ? countOf(number, 'byte') : `${(number / 1024 ** unit).toFixed(1)} ${units[unit]}`;
}

module.exports = { paint, printable, oneLine, widthOf, table, listing, count, countOf, bytes };
