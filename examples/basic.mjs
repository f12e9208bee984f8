// The smallest complete program: write, read, close. Run it twice: the visits go on counting.
import SimpleDB from 'kimdb/hyperscale';

const db = new SimpleDB({ dbPath: './data/basic.db' });

const before = await db.get('users', 'u001');
const visits = (before?.data.visits ?? 0) + 1;

await db.set('users', 'u001', { name: 'Kim', visits });
await db.setMany('users', [
  ['u002', { name: 'Lee', visits: 0 }],
  ['u003', { name: 'Park', visits: 0 }],
]);

console.log(await db.get('users', 'u001')); // at once, although it is still buffered
console.log(await db.getMany('users', ['u002', 'u003', 'nobody'])); // the last one is null

await db.flush(); // from here on everything survives a power cut too
console.log(`${(await db.getAll('users')).length} users, visit number ${visits}`);

db.close();
