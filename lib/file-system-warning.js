'use strict';

const warnedOf = new Set();

/** Locks and syncs mean nothing known on some file systems: one warning a folder. `doubtful`: the folder, and what it is on. */
function warnOf(doubtful) {
  if (!doubtful || warnedOf.has(doubtful[0])) return;
  const [folder, fileSystem] = doubtful;
  warnedOf.add(folder);
  process.emitWarning(
    `'${folder}' is on ${fileSystem}, which may lose what it calls written and let two processes in at once; ` +
      'put the database and its log on a local disk',
    { type: 'KimDBWarning', code: 'KIMDB_FILE_SYSTEM' },
  );
}

module.exports = { warnOf };
