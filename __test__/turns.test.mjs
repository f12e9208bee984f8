// Calls that are done at once, one after the other: the event loop turns in between.

import { mock } from 'node:test';
import ava from 'ava';
import { manualFlush, openSimple } from './helpers/database.mjs';

// Each alone: where one of two loops lets the event loop turn, it does so for both.
const test = ava.serial;

/** Far more calls than are done between two turns, and fewer than a log has room for. */
const MANY = 50_000;

const SMALL = { value: 1 };
const DOCUMENT = { name: 'Kim', note: 'x'.repeat(500), tags: ['a', 'b'] };
const LONG = { note: 'x'.repeat(100_000) };

/** What loops call, and how often at most. */
const CALLS = {
  'set, small documents': [(db) => db.set('c', 'a', SMALL), MANY],
  'set, texts': [(db) => db.set('c', 'a', DOCUMENT), MANY],
  'set, long texts': [(db) => db.set('c', 'a', LONG), 60],
  'get, buffered': [(db) => db.get('c', 'a'), MANY],
  'get, none': [(db) => db.get('c', 'none'), MANY],
  delete: [(db) => db.delete('c', 'b'), MANY],
  setMany: [
    (db) =>
      db.setMany('c', {
        *[Symbol.iterator]() {
          yield* PAIRS;
        },
      }),
    MANY / 2,
  ],
  'setMany, long texts': [(db) => db.setMany('c', [['a', LONG]]), 60],
  deleteMany: [(db) => db.deleteMany('c', ['b', 'd']), MANY / 2],
  getMany: [(db) => db.getMany('c', ['a', 'b']), MANY / 2],
};

const PAIRS = [
  ['a', SMALL],
  ['b', SMALL],
];

/** Whether a callback of the event loop runs before that many calls are done. */
async function runsMeanwhile(call, most) {
  // The first reads of a shard are those of other threads.
  for (let i = 0; i < 5; i++) await call();
  let ran = false;
  setImmediate(() => {
    ran = true;
  });
  for (let i = 0; i < most && !ran; i++) await call();
  return ran;
}

for (const [name, [call, most]] of Object.entries(CALLS)) {
  test(`a loop of ${name} leaves the event loop to others`, async (t) => {
    const db = openSimple(t, manualFlush);
    await db.set('c', 'a', DOCUMENT);
    t.true(await runsMeanwhile(() => call(db), most));
  });
}

test('a loop of reads of what was read before leaves the event loop to others', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('c', 'a', DOCUMENT);
  await db.flush();
  t.true(await runsMeanwhile(() => db.get('c', 'a'), MANY));
});

test('many tasks that write one after the other leave the event loop to others', async (t) => {
  const db = openSimple(t, manualFlush);
  let ran = false;
  let calls = 0;
  setImmediate(() => {
    ran = true;
  });
  const task = async (number) => {
    for (; calls < MANY && !ran; calls++) await db.set('c', `a${number}`, SMALL);
  };
  await Promise.all(Array.from({ length: 200 }, (_, number) => task(number)));
  t.true(ran);
});

test('loops over two databases share the turn', async (t) => {
  const [one, other] = [openSimple(t, manualFlush), openSimple(t, manualFlush)];
  t.true(
    await runsMeanwhile(() => Promise.all([one.set('c', 'a', SMALL), other.set('c', 'a', SMALL)]), MANY),
  );
});

test('calls that are made together have their own results, in any turn', async (t) => {
  const db = openSimple(t, manualFlush);
  const numbers = Array.from({ length: 20_000 }, (_, number) => number);
  const written = await Promise.all(numbers.map((number) => db.set('c', number, { number })));
  t.true(written.every(({ id, buffered }, number) => id === `${number}` && buffered));
  const read = await Promise.all(numbers.map((number) => db.get('c', number)));
  t.true(read.every(({ id, data }, number) => id === `${number}` && data.number === number));
  const deleted = await Promise.all(numbers.map((number) => db.delete('c', number)));
  t.true(deleted.every(({ id }, number) => id === `${number}`));
  t.deepEqual(await db.getMany('c', numbers), numbers.fill(null));
});

test('a write takes effect when it is called, in any turn', async (t) => {
  const db = openSimple(t, manualFlush);
  for (let number = 0; number < 20_000; number++) {
    const written = db.set('c', 'a', { number });
    const read = db.get('c', 'a');
    await written;
    if ((await read).data.number !== number) t.fail(`${number}`);
  }
  t.pass();
});

test('callbacks of the event loop do not wait for each other', async (t) => {
  const db = openSimple(t, manualFlush);
  let waiting = 0;
  let late = 0;
  const callback = () => {
    // Whatever was called before is done by now, but for callbacks that have taken up much time by themselves.
    late += waiting;
    const start = performance.now();
    while (performance.now() - start < 0.2);
    for (let i = 0; i < 20; i++) {
      waiting += 1;
      db.set('c', `a${i}`, SMALL).then(() => {
        waiting -= 1;
      });
    }
  };
  await new Promise((resolve) => {
    for (let i = 0; i < 200; i++) setImmediate(callback);
    setImmediate(resolve);
  });
  t.is(late, 0);
});

test('who closes the database gets the results of calls that wait for a turn', async (t) => {
  const db = openSimple(t, manualFlush);
  const written = Array.from({ length: 20_000 }, (_, i) => db.set('c', i, DOCUMENT));
  db.close();
  t.is((await Promise.all(written)).at(-1).id, '19999');
});

test('a clock that stands still stops no loop', async (t) => {
  const db = openSimple(t, manualFlush);
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'], now: Date.now() });
  t.teardown(() => mock.timers.reset());
  let i = 0;
  for (; i < 20_000; i++) await db.set('c', i, SMALL);
  t.is(i, 20_000);
});
