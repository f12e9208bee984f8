// Calls that are done at once, one after the other: the event loop turns in between.

import { createHook } from 'node:async_hooks';
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import ava from 'ava';
import { runProgram } from './helpers/child.mjs';
import { manualFlush, openSimple, pathsIn, useFolder } from './helpers/database.mjs';

// Each alone: where one of two loops lets the event loop turn, it does so for both.
const test = ava.serial;

/** Far more calls than are done between two turns, and fewer than a log has room for. */
const MANY = 50_000;

const SMALL = { value: 1 };
const DOCUMENT = { name: 'Kim', note: 'x'.repeat(500), tags: ['a', 'b'] };
const LONG = { note: 'x'.repeat(100_000) };
const HEAVY = { note: 'x'.repeat(1_000_000) };

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

for (const [name, call] of [
  ['set', (db) => db.set('c', 'a', HEAVY)],
  ['get', (db) => db.get('c', 'a')],
]) {
  test(`the event loop turns behind each ${name} of a document that takes a millisecond by itself`, async (t) => {
    const db = openSimple(t, { ...pathsIn(useFolder(t)), ...manualFlush });
    await db.set('c', 'a', HEAVY);
    let turns = 0;
    const count = () => {
      turns++;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    for (let i = 0; i < 8; i++) await call(db);
    clearImmediate(immediate);
    t.true(turns >= 7, `${turns}`);
  });
}

for (const [name, [call, most]] of Object.entries(CALLS)) {
  test(`a loop of ${name} leaves the event loop to others`, async (t) => {
    const db = openSimple(t, manualFlush);
    await db.set('c', 'a', DOCUMENT);
    t.true(await runsMeanwhile(() => call(db), most));
  });
}

test('a loop over documents of megabytes leaves the event loop to others after a few', async (t) => {
  const db = openSimple(t, manualFlush);
  const huge = { note: 'x'.repeat(4_000_000) };
  await db.set('c', 'a', huge);
  const calls = [
    () => db.set('c', 'a', huge),
    () => db.get('c', 'a'),
    () => db.getMany('c', ['a']),
    () => db.getSync('c', 'a'),
  ];
  for (const call of calls) {
    // Fewer than are done of others before the first look at the clock.
    t.true(await runsMeanwhile(call, 6), String(call));
  }
});

test('a loop of reads of what was read before leaves the event loop to others', async (t) => {
  const db = openSimple(t, manualFlush);
  await db.set('c', 'a', DOCUMENT);
  await db.flush();
  t.true(await runsMeanwhile(() => db.get('c', 'a'), MANY));
  // There is nothing to flush, so nothing else waits in it.
  t.true(await runsMeanwhile(() => db.getSync('c', 'a'), MANY));
});

test('a loop of calls that are refused leaves the event loop to others', async (t) => {
  const db = openSimple(t, manualFlush);
  t.true(await runsMeanwhile(() => db.set('c', 'a', undefined).catch(() => {}), MANY));
  t.true(await runsMeanwhile(() => db.setSync('c', 'a', undefined).catch(() => {}), MANY));
  db.close();
  for (const call of ['get', 'setSync', 'delete', 'getMany', 'getAll', 'sync', 'flush', 'shardRows']) {
    t.true(await runsMeanwhile(() => db[call]('c', 'a', SMALL).catch(() => {}), MANY), call);
  }
});

test('a loop of empty batches leaves the event loop to others', async (t) => {
  const db = openSimple(t, manualFlush);
  for (const call of ['setMany', 'getMany', 'deleteMany']) {
    t.true(await runsMeanwhile(() => db[call]('c', []), MANY), call);
  }
});

test('a loop of few calls and much work of its own leaves the event loop to others', async (t) => {
  const db = openSimple(t, manualFlush);
  const workAndGet = () => {
    const start = performance.now();
    while (performance.now() - start < 1);
    return db.get('c', 'a');
  };
  t.true(await runsMeanwhile(workAndGet, 40));
});

const passOn = () =>
  new Transform({
    objectMode: true,
    transform: async (item, _, done) => {
      await undefined;
      process.nextTick(done, null, item);
    },
  });

for (const stages of [0, 4])
  test(`a stream of documents through ${stages} others leaves the event loop to others`, async (t) => {
    const db = openSimple(t, manualFlush);
    let ran = false;
    let written = 0;
    setImmediate(() => {
      ran = true;
    });
    function* documents() {
      for (let i = 0; i < MANY && !ran; i++) yield { i };
    }
    const write = (data, _, done) => {
      written += 1;
      db.set('c', written, data).then(() => done(), done);
    };
    const others = Array.from({ length: stages }, passOn);
    await pipeline(Readable.from(documents()), ...others, new Writable({ objectMode: true, write }));
    t.true(ran);
    t.true(written < MANY);
  });

test('of many tasks that write one after the other each waits soon', async (t) => {
  const db = openSimple(t, manualFlush);
  const tasks = 2000;
  let ran = false;
  let calls = 0;
  setImmediate(() => {
    ran = true;
  });
  const task = async (number) => {
    for (; calls < MANY && !ran; calls++) await db.set('c', `a${number}`, SMALL);
  };
  await Promise.all(Array.from({ length: tasks }, (_, number) => task(number)));
  // A first call of each, and what is done in a millisecond, if it is not the last time that one looks.
  t.true(ran);
  t.true(calls < 10 * tasks, `${calls}`);
});

test('a loop over two databases leaves the event loop to others', async (t) => {
  const [one, other] = [openSimple(t, manualFlush), openSimple(t, manualFlush)];
  t.true(
    await runsMeanwhile(() => Promise.all([one.set('c', 'a', SMALL), other.set('c', 'a', SMALL)]), MANY),
  );
});

test('writes end in the order in which they were called', async (t) => {
  const db = openSimple(t, manualFlush);
  const ended = [];
  const calls = [];
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 2000; i++) {
      const number = calls.length;
      const call = i % 2 === 0 ? db.set('c', i, { i }) : db.delete('c', i);
      calls.push(call.then(() => ended.push(number)));
    }
    await calls.at(-1);
  }
  await Promise.all(calls);
  t.true(ended.every((number, place) => number === place) && ended.length === calls.length);
});

test('calls that are made together wait for no turn', async (t) => {
  const db = openSimple(t, manualFlush);
  await new Promise(setImmediate);
  let ran = false;
  setImmediate(() => {
    ran = true;
  });
  await Promise.all(Array.from({ length: 20_000 }, (_, i) => db.set('c', i, SMALL)));
  t.false(ran);
  t.true(await runsMeanwhile(() => db.set('c', 'a', SMALL), MANY));
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

for (const ticks of [1, 9, 40]) {
  test(`a loop with ${ticks} ticks behind each call leaves the event loop to others`, async (t) => {
    const db = openSimple(t, manualFlush);
    const write = async () => {
      await db.set('c', 'a', SMALL);
      for (let i = 0; i < ticks; i++) await new Promise(process.nextTick);
    };
    t.true(await runsMeanwhile(write, MANY));
  });
}

for (const hooks of [false, true]) {
  const among = hooks ? ', among async hooks' : '';
  test(`callbacks of the event loop do not wait for each other, however long a turn is${among}`, async (t) => {
    const db = openSimple(t, manualFlush);
    if (hooks) {
      const hook = createHook({ init() {}, before() {} }).enable();
      t.teardown(() => hook.disable());
    }
    let waiting = 0;
    let late = 0;
    const callback = () => {
      const start = performance.now();
      late += waiting;
      while (performance.now() - start < 0.2);
      // So few that they are no chain that could be too long, also where the machine does something else meanwhile.
      for (let i = 0; i < 8; i++) {
        waiting += 1;
        db.set('c', `a${i}`, SMALL).then(() => {
          waiting -= 1;
        });
      }
    };
    await new Promise((resolve) => {
      for (let i = 0; i < 250; i++) setImmediate(callback);
      setImmediate(resolve);
    });
    t.is(late, 0);
  });
}

test('a call between two chains that were too long is done', async (t) => {
  const db = openSimple(t, manualFlush);
  const writeFor = (ms) => {
    const end = performance.now() + ms;
    while (performance.now() < end) db.set('c', 'a', SMALL);
  };
  const done = new Promise((resolve, reject) => {
    setTimeout(() => {
      writeFor(7);
      Promise.resolve()
        .then(() => db.set('c', 'b', SMALL))
        .then(resolve, reject);
      process.nextTick(writeFor, 15);
    });
  });
  t.is((await done).id, 'b');
});

test('who closes the database gets the results of calls that wait for a turn', async (t) => {
  const db = openSimple(t, manualFlush);
  const written = Array.from({ length: 20_000 }, (_, i) => db.set('c', i, DOCUMENT));
  db.close();
  t.is((await Promise.all(written)).at(-1).id, '19999');
});

test('a process whose last listeners write ends', async (t) => {
  const { code, lines, stderr } = await runProgram(t, 'before-exit.mjs', pathsIn(useFolder(t)));
  t.is(code, 0, stderr);
  // Once, unless the machine takes a millisecond for that.
  t.is(lines.at(-1), '20 written');
});

for (const name of ['fake-turns-before.mjs', 'fake-turns-after.mjs', 'no-performance.mjs']) {
  test(`timers and clocks of tests stop no loop: ${name}`, async (t) => {
    const { code, lines, stderr } = await runProgram(t, name, pathsIn(useFolder(t)));
    t.is(code, 0, stderr);
    t.deepEqual(lines, ['20000 done']);
  });
}
