// The differences from kimdb 7 that are meant. Each is a switch of the model in model.mjs, which tells with the switch on
// what kimdb 7 does and with it off what this one does, or a scenario in scenarios.test.mjs. docs/migration.md has a
// heading for each, with the same words.

export const rules = [
  {
    name: 'flush-in-parts',
    heading: 'A flush brings everything to the files',
    sentence:
      'kimdb 7 flushes `batchSize` writes of each collection at a time and then empties the whole log.',
  },
  {
    name: 'dropped-batch',
    heading: 'A batch that cannot be written is kept',
    sentence: 'kimdb 7 forgets the writes of a batch that fails.',
  },
  {
    name: 'unstorable-names',
    heading: 'Every non-empty string is a collection',
    sentence:
      'kimdb 7 fails to flush names without Latin letters, with a digit in front, or that are words of SQL.',
  },
  {
    name: 'shared-tables',
    heading: 'Two names never share data',
    sentence:
      "kimdb 7 strips names, and SQLite ignores case: 'user-posts', 'userposts' and 'UserPosts' are one table.",
  },
  {
    name: 'sync-past-buffer',
    heading: 'Writes to one document take effect in the order of the calls',
    sentence: 'setSync of kimdb 7 goes past the buffer, so that the flush of an older set undoes it.',
  },
  {
    name: 'deleted-reads',
    heading: 'A deleted document reads as null',
    sentence: 'kimdb 7 gives `{ data: null }` or the older value.',
  },
  {
    name: 'cached-fields',
    heading: '_version counts, and _buffered is true only as long as it is',
    sentence: 'What kimdb 7 gives from its cache says version 1, and how it was written.',
  },
  {
    name: 'same-object',
    heading: 'What is stored is the data at the moment of the call',
    sentence:
      "kimdb 7 keeps and gives the caller's own object, so that changing it changes what is read and stored.",
  },
  {
    name: 'split-limit',
    heading: 'getAll gives as many documents as there are, up to the limit',
    sentence: 'kimdb 7 asks each shard for an equal part of the limit.',
  },
  {
    name: 'number-ids',
    heading: "The id 5 is the id '5'",
    sentence: "kimdb 7 stores the number 5 as '5.0'.",
  },
  {
    name: 'shared-file',
    heading: 'Every shard has a file of its own',
    sentence: "kimdb 7 uses one file for all shards if `dbPath` has no '.db' in it.",
  },
  {
    name: 'shared-log',
    heading: 'Every database has a log of its own',
    sentence: 'Two databases of kimdb 7 with one `walPath` take and erase what the other has written there.',
  },
  {
    name: 'no-log-folder',
    heading: 'The folder of the log is made',
    sentence: 'kimdb 7 writes no log if the folder of `walPath` is missing.',
  },
  {
    name: 'recovered-in-memory',
    heading: 'What is recovered is in the files',
    sentence: 'kimdb 7 empties the log before what it recovered is anywhere else than in memory.',
  },
  {
    name: 'unbounded-cache',
    heading: 'The cache is bounded',
    sentence: 'The cache of kimdb 7 holds whatever was written or read and never gets smaller.',
  },
  {
    name: 'lazy-sync',
    heading: 'getSync and syncReads flush before every read',
    sentence: 'kimdb 7 flushes only if the document is neither cached nor buffered.',
  },
  {
    name: 'flush-blocks',
    heading: 'A flush leaves the event loop alone',
    sentence: 'A flush of kimdb 7 runs from end to end before flush() returns.',
  },
  {
    name: 'holds-process',
    heading: 'A process may end without close()',
    sentence: 'The timer of kimdb 7 keeps the process alive.',
  },
  {
    name: 'fewer-fields',
    heading: 'Events and statistics tell more',
    sentence: 'stats() of kimdb 7 has ten fields, its flush event the count alone.',
  },
  {
    name: 'unchecked-arguments',
    heading: 'Wrong arguments are refused',
    sentence: 'kimdb 7 accepts them, and fails later or stores nothing.',
    scenario: true,
  },
  {
    name: 'random-ids',
    heading: 'New ids sort by time',
    sentence: 'New ids of kimdb 7 are random (UUID version 4).',
    scenario: true,
  },
  {
    name: 'number-zero',
    heading: "The id 0 is the id '0'",
    sentence: 'kimdb 7 takes 0 for no id and makes a new one.',
    scenario: true,
  },
  {
    name: 'read-errors',
    heading: 'A failed read is an error',
    sentence: 'kimdb 7 gives null for what it cannot read.',
    scenario: true,
  },
  {
    name: 'after-close',
    heading: 'A closed database says so',
    sentence: 'kimdb 7 goes on accepting writes after close(), and its second close() throws.',
    scenario: true,
  },
  {
    name: 'error-ends-process',
    heading: 'An error event without a listener is a warning',
    sentence: 'It ends the process of kimdb 7.',
    scenario: true,
  },
  {
    name: 'printed-lines',
    heading: 'Nothing is printed but what was recovered',
    sentence: 'kimdb 7 prints a line when it is loaded, opened and closed, and for every error.',
    scenario: true,
  },
  {
    name: 'own-configuration',
    heading: 'config and stats are not for writing',
    sentence: 'kimdb 7 obeys what is assigned to them.',
    scenario: true,
  },
  {
    name: 'inner-members',
    heading: 'Inner members are gone',
    sentence: 'Whatever kimdb 7 keeps in its objects can be reached, such as writeBuffer and flushTimer.',
    scenario: true,
  },
  {
    name: 'read-only-shards',
    heading: 'db.shards is for reading',
    sentence: 'kimdb 7 gives the connections themselves, which write and change the schema.',
    scenario: true,
  },
  {
    name: 'one-process',
    heading: 'One process has a database open',
    sentence: "A second process of kimdb 7 takes the first one's log for its own.",
    scenario: true,
  },
];

/** The names of the rules that are switches of the model. */
export const switches = rules.filter(({ scenario }) => !scenario).map(({ name }) => name);
