// docs/format.md is true: a log is read here with nothing but the tables of that page.

import { readFileSync } from 'node:fs';
import test from 'ava';
import { manualFlush, openSimple, pathsIn, until, useFolder } from './helpers/database.mjs';

const PAGE = readFileSync(new URL('../docs/format.md', import.meta.url), 'utf8');
const RING_AT = 8192;
const RECORD_BYTES = 16;
const OPERATION_BYTES = 18;

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
    t.is(numberOf(bytes, 0, 'version'), 2);
    t.is((numberOf(bytes, 0, 'sequence') % 2) * 4096, at);
    return bytes;
  });
  return copies.reduce((a, b) => (numberOf(a, 0, 'sequence') > numberOf(b, 0, 'sequence') ? a : b));
}

/** Numbers in four, or another number of, bytes each. */
function inBytes(numbers, bytes = 4) {
  const buffer = Buffer.alloc(numbers.length * bytes);
  for (const [i, number] of numbers.entries()) buffer.writeUIntLE(number, i * bytes, Math.min(bytes, 6));
  return buffer;
}

function readOperations(t, file, from, to) {
  let at = from;
  const crcs = [];
  const operations = [];
  while (at < to) {
    const numbers = ['number', 'name length', 'id length', 'value length'].map((name) =>
      numberOf(file, at, name),
    );
    const lengths = numbers.slice(1).map((length) => length % 2 ** 31);
    const end = at + OPERATION_BYTES + lengths.reduce((a, b) => a + b);
    const texts = file.subarray(at + OPERATION_BYTES, end);
    t.is(crc32c(texts, crc32c(inBytes(numbers))), numberOf(file, at, 'operation crc'));
    crcs.push(bytesOf(file, at, 'operation crc'));
    let place = 0;
    const [name, id, value] = lengths.map((length) => {
      place += length;
      return texts.subarray(place - length, place).toString();
    });
    operations.push({ isDeleted: numbers[3] >= 2 ** 31, name, id, value });
    at = end;
  }
  t.is(at, to);
  return { operations, chain: crc32c(Buffer.concat(crcs)) };
}

/** What a record of that place has in its two last bytes, as a number, if it is no padding. */
const markOf = (lsn) => Number(BigInt.asUintN(64, BigInt(lsn) * 11400714819323198485n) >> 49n);

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
    const mark = left < RECORD_BYTES ? undefined : numberOf(file, at, 'mark');
    if (mark === undefined) lsn += left;
    else if (mark % 2 ** 15 !== markOf(lsn) || numberOf(file, at, 'length') === 0) {
      return { records, end: lsn, synced: numberOf(header, 0, 'synced') };
    } else {
      const isPadding = mark >= 2 ** 15;
      if (isPadding) t.is(numberOf(file, at, 'length'), left);
      const length = isPadding ? RECORD_BYTES : numberOf(file, at, 'length');
      const { operations, chain } = readOperations(t, file, at + RECORD_BYTES, at + length);
      const covered = [
        inBytes([lsn], 8),
        file.subarray(at + 8, at + 16),
        file.subarray(at, at + 4),
        inBytes([chain]),
      ];
      t.is(crc32c(Buffer.concat(covered), seed), numberOf(file, at, 'record crc'));
      if (!isPadding) records.push({ time: numberOf(file, at, 'time'), operations });
      lsn += isPadding ? left : Math.ceil(length / 8) * 8;
    }
  }
}

test('the tables of docs/format.md cover the header, a record and an operation without a gap', (t) => {
  const covered = (names) =>
    names.reduce((end, name) => (fields.get(name).offset === end ? end + fields.get(name).bytes : -1), 0);
  const [header, record, operation] = [
    ['magic', 'version', 'header crc', 'sequence', 'database', 'log', 'epoch', 'capacity', 'start', 'synced'],
    ['length', 'record crc', 'time', 'mark'],
    ['operation crc', 'number', 'name length', 'id length', 'value length'],
  ];
  t.deepEqual([header, record, operation].map(covered), [88, RECORD_BYTES, OPERATION_BYTES]);
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
      [{ isDeleted: false, name: 'users', id: 'u1', value: '{"name":"김"}' }],
      [{ isDeleted: true, name: '사용자', id: 'u2', value: '' }],
      [
        { isDeleted: false, name: 'users', id: 'a', value: '1' },
        { isDeleted: false, name: 'users', id: 'b', value: '[null]' },
      ],
      [{ isDeleted: false, name: 'users', id: 'last', value: 'true' }],
    ],
  );
  t.true(records.at(-1).time >= before && records.at(-1).time <= Date.now());
  // setSync has synced all of it, and the header tells so a moment later.
  await until(() => readRecords(t, readFileSync(paths.walPath)).synced === end);
});
