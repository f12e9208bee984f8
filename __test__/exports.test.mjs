// What `import` and `require` give.

import { createRequire } from 'node:module';
import test from 'ava';
import * as root from 'kimdb';
import Default, * as hyperscale from 'kimdb/hyperscale';
import { runModule } from './helpers/child.mjs';
import { useFolder } from './helpers/database.mjs';

const require = createRequire(import.meta.url);

test('import gives the default and the named exports', (t) => {
  t.deepEqual(Object.keys(hyperscale).sort(), ['HyperScaleDB', 'KimDBError', 'SimpleDB', 'default']);
  t.is(Default, hyperscale.SimpleDB);
  for (const value of Object.values(hyperscale)) t.is(typeof value, 'function');
  t.deepEqual({ ...root }, { ...hyperscale }, 'kimdb and kimdb/hyperscale give the same');
});

test('require gives the same classes, as properties of SimpleDB', (t) => {
  for (const entry of ['kimdb', 'kimdb/hyperscale']) {
    const required = require(entry);
    t.is(required, Default);
    t.is(required.default, Default);
    t.is(required.SimpleDB, hyperscale.SimpleDB);
    t.is(required.HyperScaleDB, hyperscale.HyperScaleDB);
    t.is(required.KimDBError, hyperscale.KimDBError);
  }
});

test('the classes have their names', (t) => {
  t.is(hyperscale.SimpleDB.name, 'SimpleDB');
  t.is(hyperscale.HyperScaleDB.name, 'HyperScaleDB');
  t.is(new hyperscale.KimDBError('x').name, 'KimDBError');
  t.is(String(new hyperscale.KimDBError('what to do')), 'KimDBError: what to do');
});

test('importing, opening and closing print nothing', async (t) => {
  const source = `
    import SimpleDB from 'kimdb';
    const db = new SimpleDB();
    await db.set('users', 'u1', { name: 'Kim' });
    db.close();`;
  const { code, stdout, stderr } = await runModule(t, useFolder(t), source);
  t.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
});
