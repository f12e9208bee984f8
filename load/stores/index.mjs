// What the server can keep its sessions in, by name, in the order of the report. A driver is one of the benchmark's:
// `title`, `version`, `settings` and `open(folder)`, which gives `set`, `get`, `dataOf` and `close`.

/** The same server without a store: what is left of each figure is the web's alone. */
export const BARE = 'none';
export const NEW = 'kimdb';
export const OLD = 'kimdb-old';
export const STORES = [NEW, OLD, BARE];

export const loadStore = (name) =>
  import(name === BARE ? './none.mjs' : `../../benchmark/drivers/${name}.mjs`);
