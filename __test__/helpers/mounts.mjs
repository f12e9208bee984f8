// File systems of a test's own. Not every machine lets a program mount one; a test that needs it says so then.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const run = (command, ...args) => spawnSync(command, args, { encoding: 'utf8' });

/** Mounts a file system in memory of so many bytes. undefined: this machine does not let us. */
export function mountMemory(t, bytes) {
  return mount(t, (folder) => run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'kimdb-test', folder));
}

/** Shows a folder in a second place, where nothing can be written. */
export function mountReadOnly(t, from) {
  return mount(t, (folder) => {
    const bound = run('mount', '--bind', from, folder);
    return bound.status === 0 ? run('mount', '-o', 'remount,ro,bind', folder) : bound;
  });
}

/** Shows a folder in a second place through a file system outside the kernel. */
export function mountFuse(t) {
  const from = makeFolder(t);
  return mount(t, (folder) => run('bindfs', from, folder));
}

function mount(t, attempt) {
  const folder = makeFolder(t);
  const { status, stderr, error } = attempt(folder);
  if (status !== 0) {
    run('umount', folder);
    t.log(`not tested: this machine cannot mount it (${(error?.message ?? stderr).trim()})`);
    return undefined;
  }
  t.teardown(() => run('umount', '--lazy', folder));
  return folder;
}

function makeFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'kimdb-mount-'));
  mkdirSync(folder, { recursive: true });
  t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}
