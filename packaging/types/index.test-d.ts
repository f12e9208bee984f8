// What the types say, in a project that has installed the package; tsd compares exactly, where a compiler would accept more.

import type { BufferedResult, Document, FlushInfo, Stats, SyncedResult } from 'kimdb';
import SimpleDB, { type HyperScaleDB, KimDBError, SimpleDB as Named } from 'kimdb/hyperscale';
import { expectAssignable, expectError, expectType } from 'tsd';

interface User {
  name: string;
  age: number;
}

const db = new SimpleDB<{ users: User; visits: number }>({ dbPath: './data/app.db', shardCount: 8 });
expectAssignable<SimpleDB>(new Named());
expectType<BufferedResult>(await db.set('users', 'u1', { name: 'Kim', age: 30 }));
expectType<SyncedResult>(await db.setSync('users', null, { name: 'Kim', age: 30 }));
expectType<Document<User> | null>(await db.get('users', 'u1'));
expectType<Document<number>[]>(await db.getAll('visits', 10));
expectType<Stats>(db.stats());
expectType<HyperScaleDB<{ users: User; visits: number }>>(db.db);
expectAssignable<Error>(new KimDBError('what to do'));
db.on('flush', (info) => expectType<FlushInfo>(info));

expectError(db.set('users', 'u1', { name: 'Kim' }));
expectError(db.set('nobody', 'u1', { name: 'Kim', age: 30 }));
expectError(db.get('users'));
expectError(new SimpleDB({ shardCount: '8' }));
expectError(db.on('flushed', () => {}));
