// Several databases and their logs.

import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SimpleDB } from 'kimdb/hyperscale';
import { runModule } from './helpers/child.mjs';
import { filesIn, manualFlush, openSimple, pathsIn, useFolder } from './helpers/database.mjs';
import { throwsCode } from './helpers/errors.mjs';

test('a walPath that is the log of another database is refused', async (t) => {
  const folder = useFolder(t);
  const a = pathsIn(folder, 'a');
  const b = { ...pathsIn(folder, 'b'), walPath: a.walPath };
  const db = openSimple(t, { ...a, ...manualFlush });
  await db.set('users', 'u1', 'of a');
  const open = throwsCode(t, () => new SimpleDB(b), 'KimDBError', 'KIMDB_WAL_MISMATCH');
  t.is(open.path, a.walPath);
  db.close();
  throwsCode(t, () => new SimpleDB(b), 'KimDBError', 'KIMDB_WAL_MISMATCH');
  t.is((await openSimple(t, a).get('users', 'u1')).data, 'of a');
});

test('two databases with the default walPath never touch each other’s log', async (t) => {
  const folder = useFolder(t);
  const write = `
    import SimpleDB from 'kimdb';
    const options = { flushInterval: 2 ** 31 - 1 };
    const a = new SimpleDB({ ...options, dbPath: './data/a.db' });
    const b = new SimpleDB({ ...options, dbPath: './data/b.db' });
    for (let i = 0; i < 10; i++) await a.set('users', 'u' + i, 'a');
    for (let i = 0; i < 20; i++) await b.set('users', 'u' + i, 'b');
    console.log(a.db.config.walPath, b.db.config.walPath);
    process.kill(process.pid, 'SIGKILL');`;
  const written = await runModule(t, folder, write);
  t.is(written.signal, 'SIGKILL');
  const [pathOfA, pathOfB] = written.stdout.split(' ');
  t.is(pathOfA, './data/buffer.wal');
  t.regex(pathOfB, /[\\/]data[\\/]b\.wal$/);
  t.true(existsSync(join(folder, 'data', 'b.wal')));

  // In the other order, so that the second now comes first.
  const read = `
    import SimpleDB from 'kimdb';
    for (const name of ['b', 'a']) {
      const db = new SimpleDB({ dbPath: './data/' + name + '.db' });
      const all = await db.getAll('users');
      console.log(name, all.length, new Set(all.map(({ data }) => data)).size, all[0].data);
      db.close();
    }`;
  const { code, lines } = await runModule(t, folder, read);
  t.is(code, 0);
  t.deepEqual(
    lines.filter((line) => !line.startsWith('[kimdb]')),
    ['b 20 1 b', 'a 10 1 a'],
  );
  t.deepEqual(
    lines.filter((line) => /Recovered/.test(line)),
    ['[kimdb] Recovered 20 writes', '[kimdb] Recovered 10 writes'],
  );
});

test('the folder of the log holds nothing else', (t) => {
  const folder = useFolder(t);
  openSimple(t, { dbPath: join(folder, 'db', 'test.db'), walPath: join(folder, 'log', 'test.wal') }).close();
  t.deepEqual(filesIn(join(folder, 'log')), ['test.wal']);
});

test('a log is found by whichever link leads to its folder', async (t) => {
  const folder = useFolder(t);
  mkdirSync(join(folder, 'shared'));
  const through = (link) => {
    symlinkSync('shared', join(folder, link), 'junction');
    return pathsIn(join(folder, link));
  };
  const [first, second] = [through('first'), through('second')];
  const db = openSimple(t, first);
  await db.set('users', 'u1', 1);
  db.close();
  t.is((await openSimple(t, second).get('users', 'u1')).data, 1);
});
