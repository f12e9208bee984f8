import { createRequire } from 'node:module';
import { runInThisContext } from 'node:vm';
import kimdb from 'kimdb';
import { vi } from 'vitest';
import behaviour from '../behaviour.cjs';

const require = createRequire(import.meta.url);

function loadAnew() {
  for (const path of Object.keys(require.cache)) if (!path.endsWith('.node')) delete require.cache[path];
  return require('kimdb');
}

behaviour({
  kimdb,
  // Packages are Node.js's to load, which vi.resetModules() does not change. Where Vitest gives each file a realm, it loads
  // them itself and lets nobody load them anew.
  load: runInThisContext('Array') === Array ? loadAnew : undefined,
  clock: { stop: () => vi.useFakeTimers(), go: () => vi.useRealTimers() },
});

test('a module that is imported after vi.resetModules() has the same engine', async () => {
  const db = new kimdb.SimpleDB(behaviour.fresh());
  vi.resetModules();
  const again = await import('kimdb');
  const { dbPath, walPath } = db.db.config;
  const other = new again.SimpleDB({ dbPath, walPath });
  await db.set('users', 'u1', 1);
  expect(await other.get('users', 'u1')).toMatchObject({ data: 1, _version: 1 });
  other.close();
  db.close();
});
