// docs/format.md is true: a log is read here with nothing but the tables of that page.

import { readFileSync } from 'node:fs';
import test from 'ava';
import { manualFlush, openSimple, pathsIn, until, useFolder } from './helpers/database.mjs';

const PAGE = readFileSync(new URL('../docs/format.md', import.meta.url), 'utf8');
const RING_AT = 8192;

/** Offset and length of each field that the page names. */
const fields = new Map(
  [...PAGE.matchAll(/^\| (\d+) \| (\d+) \| `([^`]+)` \|/gm)].map(([, offset, bytes, name]) => [
    name,
    { offset: Number(offset), bytes: Number(bytes) },
  ]),
);

const bytesOf = (buffer, at, name) => {
  const { offset, bytes } = fields.get(name);
  return buffer.subarray(at + offset, at + offset + bytes);
};

function numberOf(buffer, at, name) {
  const bytes = bytesOf(buffer, at, name);
  return bytes.length === 8 ? Number(bytes.readBigUInt64LE()) : bytes.readUIntLE(0, bytes.length);
}

/** CRC-32C, bit by bit. */
function crc32c(bytes, before = 0) {
  let crc = ~before;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function readHeader(t, file) {
  const copies = [0, 4096].map((at) => {
    const bytes = Buffer.from(file.subarray(at, at + 88));
    t.is(bytesOf(bytes, 0, 'magic').toString(), 'KIMDBLOG');
    const crc = numberOf(bytes, 0, 'header crc');
    bytesOf(bytes, 0, 'header crc').fill(0);
    t.is(crc32c(bytes), crc);
    t.is(numberOf(bytes, 0, 'version'), 1);
    t.is((numberOf(bytes, 0, 'sequence') % 2) * 4096, at);
    return bytes;
  });
  return copies.reduce((a, b) => (numberOf(a, 0, 'sequence') > numberOf(b, 0, 'sequence') ? a : b));
}

function readOperations(t, file, from, count) {
  let at = from;
  const crcs = [];
  const operations = [];
  for (let i = 0; i < count; i++) {
    const texts = ['name', 'id', 'value'].map((name) => numberOf(file, at, `${name} length`));
    const end = at + 20 + texts.reduce((a, b) => a + b);
    t.is(crc32c(file.subarray(at + 4, end)), numberOf(file, at, 'operation crc'));
    crcs.push(bytesOf(file, at, 'operation crc'));
    let place = at + 20;
    const [name, id, value] = texts.map((length) => {
      place += length;
      return file.subarray(place - length, place).toString();
    });
    operations.push({ kind: numberOf(file, at, 'kind'), name, id, value });
    at = end;
  }
  return { operations, chain: crc32c(Buffer.concat(crcs)), end: at };
}

function readRecords(t, file) {
  const header = readHeader(t, file);
  const capacity = numberOf(header, 0, 'capacity');
  t.is(file.length, RING_AT + capacity);
  const seed = crc32c(bytesOf(header, 0, 'epoch'), crc32c(bytesOf(header, 0, 'log')));
  const records = [];
  let lsn = numberOf(header, 0, 'start');
  for (;;) {
    const at = RING_AT + (lsn % capacity);
    const left = capacity - (lsn % capacity);
    if (left < 32) lsn += left;
    else if (numberOf(file, at, 'lsn') !== lsn || numberOf(file, at, 'length') === 0) {
      return { records, end: lsn, synced: numberOf(header, 0, 'synced') };
    } else {
      const isPadding = (numberOf(file, at, 'flags') & 1) === 1;
      const { operations, chain, end } = readOperations(t, file, at + 32, numberOf(file, at, 'ops'));
      const chained = Buffer.alloc(4);
      chained.writeUInt32LE(chain);
      const covered = [file.subarray(at + 8, at + 32), file.subarray(at, at + 4), chained];
      t.is(crc32c(Buffer.concat(covered), seed), numberOf(file, at, 'record crc'));
      if (!isPadding) {
        t.is(end - at, numberOf(file, at, 'length'));
        records.push({ time: numberOf(file, at, 'time'), operations });
      }
      lsn += isPadding ? left : Math.ceil(numberOf(file, at, 'length') / 8) * 8;
    }
  }
}

test('the tables of docs/format.md cover the header, a record and an operation without a gap', (t) => {
  const covered = (names) =>
    names.reduce((end, name) => (fields.get(name).offset === end ? end + fields.get(name).bytes : -1), 0);
  const [header, record, operation] = [
    ['magic', 'version', 'header crc', 'sequence', 'database', 'log', 'epoch', 'capacity', 'start', 'synced'],
    ['length', 'record crc', 'lsn', 'time', 'ops', 'flags'],
    ['operation crc', 'kind', 'operation flags', 'name length', 'number', 'id length', 'value length'],
  ];
  t.deepEqual([header, record, operation].map(covered), [88, 32, 20]);
  t.is(fields.size, header.length + record.length + operation.length);
});

test('a log is what docs/format.md says', async (t) => {
  const paths = pathsIn(useFolder(t));
  const db = openSimple(t, { ...paths, ...manualFlush, walSize: 2 ** 20 });
  // Once round the ring, so that there is padding and what an earlier lap left.
  const text = 'x'.repeat(10_007);
  for (let lap = 0; lap < 3; lap++) {
    for (let i = 0; i < 90; i++) await db.set('laps', `l${i}`, { lap, text });
    await db.flush();
  }
  const before = Date.now() - 100;
  await db.set('users', 'u1', { name: '김' });
  await db.delete('사용자', 'u2');
  await db.setMany('users', [
    ['a', 1],
    ['b', [null]],
  ]);
  await db.setSync('users', 'last', true);
  const { records, end } = readRecords(t, readFileSync(paths.walPath));
  t.deepEqual(
    records.slice(-4).map(({ operations }) => operations),
    [
      [{ kind: 0, name: 'users', id: 'u1', value: '{"name":"김"}' }],
      [{ kind: 1, name: '사용자', id: 'u2', value: '' }],
      [
        { kind: 0, name: 'users', id: 'a', value: '1' },
        { kind: 0, name: 'users', id: 'b', value: '[null]' },
      ],
      [{ kind: 0, name: 'users', id: 'last', value: 'true' }],
    ],
  );
  t.true(records.at(-1).time >= before && records.at(-1).time <= Date.now());
  // setSync has synced all of it, and the header tells so a moment later.
  await until(() => readRecords(t, readFileSync(paths.walPath)).synced === end);
});
