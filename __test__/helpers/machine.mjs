// A machine whose power can be cut: user-mode Linux with a disk of its own, which is a file here.

import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { startCommand } from './child.mjs';

const SOURCES = fileURLToPath(new URL('../machine/', import.meta.url));
const PROGRAMS = fileURLToPath(new URL('../programs/', import.meta.url));
// The smallest that mkfs.xfs makes is 300 MB. Blocks that are never written take no space here.
const DISK_BYTES = 320 * 2 ** 20;

/** In front of everything that the machine says to the host. */
const VOICE = 'kimdb: ';

/** What a program in the machine calls its disk and the folder that it shares with the host. */
export const DISK = '/mnt/disk';
export const HOST = '/mnt/host';

export class Machine {
  #run = 0;

  /**
   * @param {object} tools what findMachineTools() of scripts/support/machine-tools.mjs gave
   * @param {string} fs 'ext4', 'xfs' or 'btrfs'
   * @param {string} folder for the disk, and for the files that the machine and the host share
   */
  constructor(tools, fs, folder) {
    Object.assign(this, {
      tools,
      fs,
      folder,
      image: join(folder, 'disk.img'),
      shared: join(folder, 'shared'),
    });
    mkdirSync(this.shared, { recursive: true });
    this.library = compile(folder, 'disk', 'registers');
    this.noSync = compile(folder, 'no-sync');
    this.#format();
  }

  /**
   * Turns the machine on, to run `programs/<program>` with orders (any JSON). Like startProgram(), with `kill()` for
   * the cut. `seed` and `through` (how many of 100 sectors do not wait for a flush) make the disk's cache, see
   * machine/disk.c; `preload` is a library in front of the program.
   */
  boot(t, { program, orders = {}, seed = 1, through = 50, preload = '' } = {}) {
    writeFileSync(join(this.shared, 'orders.json'), JSON.stringify(orders));
    const args = [
      ...['mem=512M', 'quiet', 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro'],
      ...[
        `ubd0t=${this.image}`,
        'con=null',
        'con0=null,fd:1',
        `uml_dir=${this.folder}/`,
        `umid=${++this.#run}`,
      ],
      `init=${join(SOURCES, 'init.sh')}`,
      // Words that the kernel does not know become the environment of the first process.
      ...[`KIMDB_FOLDER=${this.shared}`, `KIMDB_FS=${this.fs}`, `KIMDB_NODE=${process.execPath}`],
      ...(program ? [`KIMDB_PROGRAM=${join(PROGRAMS, program)}`] : []),
      ...(preload ? [`KIMDB_PRELOAD=${preload}`] : []),
    ];
    const env = {
      PATH: process.env.PATH,
      // Where the machine's memory is.
      TMPDIR: process.env.TMPDIR ?? '/dev/shm',
      LD_PRELOAD: this.library,
      KIMDB_DISK: this.image,
      KIMDB_DISK_SEED: String(seed),
      KIMDB_DISK_THROUGH: String(through),
    };
    return new Running(startCommand(t, this.tools.kernel, args, { env, group: true }));
  }

  #format() {
    rmSync(this.image, { force: true });
    writeFileSync(this.image, '');
    truncateSync(this.image, DISK_BYTES);
    const { command, flags, env } = this.tools.makers[this.fs];
    check(spawnSync(command, [...flags, this.image], { env, encoding: 'utf8' }), command);
  }
}

/** A machine that is on. What it says comes without the 'kimdb: ' in front. */
class Running {
  constructor(process) {
    this.process = process;
  }

  isOver = false;

  /** Waits until the machine says this, or that its program has ended. Throws when it goes off before. */
  async until(wanted) {
    while (!this.isOver) {
      const line = (await this.process.nextLine())?.trimEnd();
      if (line === undefined)
        throw new Error(`the machine went off before it said '${wanted}':\n${(await this.cut()).tail}`);
      if (!line.startsWith(VOICE)) continue;
      const said = line.slice(VOICE.length);
      if (said === wanted) return;
      // There is no more to wait for; who cuts the power sees it.
      if (/^(cannot|ended)/.test(said)) this.isOver = true;
    }
  }

  /** Cuts the power. Gives what the machine has said, and the last lines of its console. */
  async cut() {
    this.process.kill();
    // Its disk thread holds the other end of the pipe, so nothing writes to the disk any more after this.
    const { lines, stderr } = await this.process.ended;
    const spoken = lines.map((line) => line.trimEnd()).filter((line) => line.startsWith(VOICE));
    return {
      said: spoken.map((line) => line.slice(VOICE.length)),
      tail: [...lines.slice(-40), stderr].join('\n'),
    };
  }
}

function compile(folder, ...names) {
  const library = join(folder, `${names[0]}.so`);
  const sources = names.map((name) => join(SOURCES, `${name}.c`));
  check(spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, ...sources], { encoding: 'utf8' }), 'cc');
  return library;
}

function check({ status, error, stderr }, command) {
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`);
}
