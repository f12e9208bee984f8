// The differences from kimdb 7 that are meant. Each is a switch of the model in model.mjs, which tells with the switch on
// what kimdb 7 does and with it off what this one does, or a scenario in scenarios.test.mjs. docs/migration.md has a
// heading for each, with the same words, and docs/migration.ko.md the Korean one.

export const rules = [
  {
    name: 'flush-in-parts',
    heading: 'A flush brings everything to the files',
    korean: '플러시 한 번에 모두 파일로 옮깁니다',
    sentence:
      'kimdb 7 flushes `batchSize` writes of each collection at a time and then empties the whole log.',
  },
  {
    name: 'dropped-batch',
    heading: 'A batch that cannot be written is kept',
    korean: '쓰지 못한 배치를 버리지 않습니다',
    sentence: 'kimdb 7 forgets the writes of a batch that fails.',
  },
  {
    name: 'unstorable-names',
    heading: 'Every non-empty string is a collection',
    korean: '빈 문자열만 아니면 모두 컬렉션 이름이 됩니다',
    sentence:
      'kimdb 7 fails to flush names without Latin letters, with a digit in front, or that are words of SQL.',
  },
  {
    name: 'shared-tables',
    heading: 'Two names never share data',
    korean: '이름이 다르면 데이터도 섞이지 않습니다',
    sentence:
      "kimdb 7 strips names, and SQLite ignores case: 'user-posts', 'userposts' and 'UserPosts' are one table.",
  },
  {
    name: 'sync-past-buffer',
    heading: 'Writes to one document take effect in the order of the calls',
    korean: '한 문서에 대한 쓰기는 호출한 순서대로 적용됩니다',
    sentence: 'setSync of kimdb 7 goes past the buffer, so that the flush of an older set undoes it.',
  },
  {
    name: 'deleted-reads',
    heading: 'A deleted document reads as null',
    korean: '삭제한 문서는 null로 읽힙니다',
    sentence: 'After a delete kimdb 7 gives `{ data: null }` or the older value.',
  },
  {
    name: 'cached-fields',
    heading: '_version counts, and _buffered is true only as long as it is',
    korean: '_version은 쓰기 횟수이고, _buffered는 실제로 버퍼에 있을 때만 붙습니다',
    sentence: 'What kimdb 7 gives from its cache says version 1, and how it was written.',
  },
  {
    name: 'same-object',
    heading: 'What is stored is the data at the moment of the call',
    korean: '호출한 순간의 데이터를 저장합니다',
    sentence:
      "kimdb 7 keeps and gives the caller's own object, so that changing it changes what is read and stored.",
  },
  {
    name: 'split-limit',
    heading: 'getAll gives as many documents as there are, up to the limit',
    korean: 'getAll은 limit까지 있는 만큼 돌려줍니다',
    sentence: 'kimdb 7 asks each shard for an equal part of the limit.',
  },
  {
    name: 'number-ids',
    heading: "The id 5 is the id '5'",
    korean: "id 5와 '5'는 같은 id입니다",
    sentence: "kimdb 7 stores the number 5 as '5.0'.",
  },
  {
    name: 'shared-file',
    heading: 'Every shard has a file of its own',
    korean: '샤드마다 파일이 따로 있습니다',
    sentence: "kimdb 7 uses one file for all shards if `dbPath` has no '.db' in it.",
  },
  {
    name: 'hidden-by-count',
    heading: 'Another shardCount moves the documents',
    korean: 'shardCount를 바꾸면 문서를 옮깁니다',
    sentence: 'kimdb 7 looks in other shards then, and most of the data seems to be gone.',
  },
  {
    name: 'shared-log',
    heading: 'Every database has a log of its own',
    korean: '데이터베이스마다 로그가 따로 있습니다',
    sentence: 'Two databases of kimdb 7 with one `walPath` take and erase what the other has written there.',
  },
  {
    name: 'no-log-folder',
    heading: 'The folder of the log is made',
    korean: '로그 폴더가 없으면 만듭니다',
    sentence: 'kimdb 7 writes no log if the folder of `walPath` is missing.',
  },
  {
    name: 'recovered-in-memory',
    heading: 'What is recovered is in the files',
    korean: '복구한 쓰기는 파일에 있습니다',
    sentence: 'kimdb 7 empties the log before what it recovered is anywhere else than in memory.',
  },
  {
    name: 'unbounded-cache',
    heading: 'The cache is bounded',
    korean: '캐시 크기에 한도가 있습니다',
    sentence: 'The cache of kimdb 7 holds whatever was written or read and never gets smaller.',
  },
  {
    name: 'lazy-sync',
    heading: 'getSync and syncReads flush before every read',
    korean: 'getSync와 syncReads는 읽기 전에 항상 플러시합니다',
    sentence: 'kimdb 7 flushes only if the document is neither cached nor buffered.',
  },
  {
    name: 'flush-blocks',
    heading: 'A flush leaves the event loop alone',
    korean: '플러시가 이벤트 루프를 막지 않습니다',
    sentence: 'A flush of kimdb 7 runs from end to end before flush() returns.',
  },
  {
    name: 'holds-process',
    heading: 'A process may end without close()',
    korean: 'close() 없이도 프로세스가 끝납니다',
    sentence: 'The timer of kimdb 7 keeps the process alive.',
  },
  {
    name: 'fewer-fields',
    heading: 'Events and statistics tell more',
    korean: '이벤트와 통계가 더 많은 것을 알려 줍니다',
    sentence: 'stats() of kimdb 7 has ten fields, its flush event the count alone.',
  },
  {
    name: 'unchecked-arguments',
    heading: 'Wrong arguments are refused',
    korean: '잘못된 인수는 거부합니다',
    sentence: 'kimdb 7 accepts them, and fails later or stores nothing.',
    scenario: true,
  },
  {
    name: 'random-ids',
    heading: 'New ids sort by time',
    korean: '새 id는 시간순으로 정렬됩니다',
    sentence: 'New ids of kimdb 7 are random (UUID version 4).',
    scenario: true,
  },
  {
    name: 'number-zero',
    heading: "The id 0 is the id '0'",
    korean: "id 0은 '0'입니다",
    sentence: 'kimdb 7 takes 0 for no id and makes a new one.',
    scenario: true,
  },
  {
    name: 'read-errors',
    heading: 'A failed read is an error',
    korean: '읽기에 실패하면 오류가 납니다',
    sentence: 'kimdb 7 gives null for what it cannot read.',
    scenario: true,
  },
  {
    name: 'after-close',
    heading: 'A closed database says so',
    korean: '닫힌 데이터베이스는 닫혔다고 알립니다',
    sentence: 'kimdb 7 goes on accepting writes after close(), and its second close() throws.',
    scenario: true,
  },
  {
    name: 'error-ends-process',
    heading: 'An error event without a listener is a warning',
    korean: '리스너가 없는 error 이벤트는 경고로 끝납니다',
    sentence: 'It ends the process of kimdb 7.',
    scenario: true,
  },
  {
    name: 'printed-lines',
    heading: 'Nothing is printed but what was recovered',
    korean: '복구할 때 말고는 아무것도 출력하지 않습니다',
    sentence: 'kimdb 7 prints a line when it is loaded, opened and closed, and for every error.',
    scenario: true,
  },
  {
    name: 'own-configuration',
    heading: 'config and stats are not for writing',
    korean: 'config와 stats는 읽기 전용입니다',
    sentence: 'kimdb 7 obeys what is assigned to them.',
    scenario: true,
  },
  {
    name: 'inner-members',
    heading: 'Inner members are gone',
    korean: '내부 멤버는 없습니다',
    sentence: 'Whatever kimdb 7 keeps in its objects can be reached, such as writeBuffer and flushTimer.',
    scenario: true,
  },
  {
    name: 'read-only-shards',
    heading: 'db.shards is for reading',
    korean: 'db.shards는 읽기용입니다',
    sentence: 'kimdb 7 gives the connections themselves, which write and change the schema.',
    scenario: true,
  },
  {
    name: 'log-per-process',
    heading: 'Processes have a log each',
    korean: '프로세스마다 로그가 따로 있습니다',
    sentence: "A second process of kimdb 7 takes the first one's log for its own, and empties it.",
    scenario: true,
  },
];

/** The names of the rules that are switches of the model. */
export const switches = rules.filter(({ scenario }) => !scenario).map(({ name }) => name);
