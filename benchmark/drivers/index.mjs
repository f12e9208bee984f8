// The drivers by name, in the order of the report. The bare steps are no stores: they show what a store could reach
// at best if it did nothing else.

export const STORES = ['kimdb', 'kimdb-old', 'lmdb', 'better-sqlite3', 'classic-level'];
export const LIMITS = ['bare-loop', 'bare-sqlite', 'bare-memcpy', 'bare-fdatasync'];
export const DRIVERS = [...STORES, ...LIMITS];

export const loadDriver = (name) => import(`./${name}.mjs`);
