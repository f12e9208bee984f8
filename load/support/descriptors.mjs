// Each connection is an open file at both of its ends, and systems bound how many files a process may have open.
import process from 'node:process';

/** What a process needs beside its connections: its program, the store's files, timers. */
const OTHERS = 200;

/** Nothing, or a sentence that says why so many connections cannot be opened and what to do. */
export function tooFewDescriptors(connections) {
  const needed = connections + OTHERS;
  const allowed = allowedDescriptors();
  if (allowed >= needed) return undefined;
  return (
    `${connections} connections take ${needed} open files a process, and this system allows ${allowed} (ulimit -Hn). ` +
    `Allow more, "ulimit -Hn ${needed}" as root in the shell that runs this or "nofile" in /etc/security/limits.conf, ` +
    `or ask for fewer: --connections ${Math.max(1, allowed - OTHERS)}.`
  );
}

/** The hard limit: Node.js raises its soft one to it when it starts. */
function allowedDescriptors() {
  process.report.excludeNetwork = true;
  const limit = process.report.getReport().userLimits?.open_files?.hard;
  return typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY;
}
