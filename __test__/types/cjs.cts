// Compiled, never run: the types for a program that uses `require`.

import SimpleDB = require('kimdb');
import hyperscale = require('kimdb/hyperscale');

const { HyperScaleDB, KimDBError } = hyperscale;

// The module is the class itself, and carries itself under both names.
const db = new SimpleDB<{ users: { name: string } }>();
const same: (typeof SimpleDB)[] = [SimpleDB.default, SimpleDB.SimpleDB, hyperscale, hyperscale.SimpleDB];

const options: SimpleDB.Options = { dbPath: './data/app.db' };
const hyper: SimpleDB.HyperScaleDB = new HyperScaleDB(options);
const read: Promise<SimpleDB.Document<{ name: string }> | null> = db.get('users', 'u1');
// @ts-expect-error: no such collection
db.get('user', 'u1');

export = [db, same, hyper, read, KimDBError];
