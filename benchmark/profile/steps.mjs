// Which step of a write a sample of the processor belongs to, by its thread and by the functions on its stack.

/** In the order in which they happen. The first rule of a thread that fits counts. */
const MAIN = [
  ['set, native: page faults of the log', /trampoline.*exc_page_fault/],
  ['set, native: strings out of V8', /trampoline.*(get_value_string|WriteUtf8|Scope::text)/],
  ['set, native: checksum', /crc32c|log::checksum/],
  ['set, native: call, lock, copy', /kimdb::|napi_|FunctionCallbackWrapper/],
  ['JavaScript: garbage collection', /Scaveng|CollectGarbage|MarkCompact|v8::internal::Heap::/],
  ['JavaScript: JSON.stringify', /JsonStringif/],
  ['JavaScript: loop, id, bytes of the document, await, promises', /RunMicrotasks|JS:|Builtins_/],
  ['start of the process', /./],
];
const SCHEDULER = [['flush: walk the log, checksum, shard by MD5', /./]];
const SYNC = [['sync: fdatasync of the log', /./]];
const AHEAD = [['log: pages read and mapped in front of the writer', /./]];
const FLUSH = [
  ['SQLite: pages to its log', /CommitPhaseOne|pagerWalFrames|walWrite/],
  ['SQLite: checkpoint', /Checkpoint/],
  ['SQLite: bind', /sqlite3_bind|vdbeUnbind|clear_bindings|Statement::bind/],
  ['SQLite: find the place in the trees', /Moveto/],
  ['SQLite: insert, balance the trees', /BtreeInsert|balance/],
  ['SQLite: bytecode, records', /sqlite3|rusqlite|SqliteShard/],
  ['flush: read the log again, sort, coalesce', /./],
];
const HELPERS = [['V8: threads for garbage collection and compiling', /./]];

export const STEPS = [MAIN, HELPERS, AHEAD, SCHEDULER, FLUSH, SYNC].flat().map(([name]) => name);

/** `stack`: the functions, innermost first. */
export function stepOf({ command, isMain, stack }) {
  const rules = rulesOf(command, isMain);
  // Outermost first, so that a rule can say what happens inside of what.
  const text = stack.toReversed().join(' ');
  return rules.find(([, pattern]) => pattern.test(text))[0];
}

function rulesOf(command, isMain) {
  if (command.startsWith('kimdb-flush')) return FLUSH;
  if (command.startsWith('kimdb-sched')) return SCHEDULER;
  if (command.startsWith('kimdb-sync')) return SYNC;
  if (command.startsWith('kimdb-ahead')) return AHEAD;
  return isMain ? MAIN : HELPERS;
}
