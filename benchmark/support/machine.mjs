// Describes the machine and what was measured: a figure without them says nothing.
import { spawnSync } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';

const FILE_SYSTEMS = {
  61267: 'ext4',
  1481003842: 'xfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
};

export function describeMachine(folder) {
  mkdirSync(folder, { recursive: true });
  const cpus = os.cpus();
  return {
    cpu: `${cpus[0]?.model.trim() ?? 'unknown'}, ${cpus.length} cores`,
    memory: `${(os.totalmem() / 2 ** 30).toFixed(0)} GiB`,
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    fileSystem: fileSystem(folder),
    node: process.versions.node,
    date: new Date().toISOString(),
    commit: commit(),
  };
}

/** The description as pairs for people. */
export function describe({ cpu, memory, system, fileSystem, node, date, commit }) {
  return [
    ['machine', `${cpu}, ${memory} of memory`],
    ['system', `${system}, ${fileSystem}, Node.js ${node}`],
    ['date', date.slice(0, 10)],
    ['commit', commit],
  ];
}

/** What was measured: the commit, and whether something was changed since. */
function commit() {
  const git = (...args) => {
    const { status, stdout } = spawnSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  };
  const name = git('rev-parse', '--short=10', 'HEAD');
  if (name === undefined) return 'unknown';
  // The results of an earlier run do not change what is measured.
  const rest = [':/', ':(top,exclude)benchmark/results', ':(top,exclude)load/results'];
  return git('status', '--porcelain', '--untracked-files=no', '--', ...rest)
    ? `${name}, changed since`
    : name;
}

function fileSystem(folder) {
  const { type } = statfsSync(folder);
  return FILE_SYSTEMS[type] ?? `type 0x${type.toString(16)}`;
}
