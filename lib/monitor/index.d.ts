// Types of `require('kimdb/monitor')`. `import` gives the same names; see index.d.mts.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HyperScaleDB, SimpleDB } from '../../index.js';

/** A database of either class. */
export type Database = SimpleDB<never> | HyperScaleDB<never> | SimpleDB | HyperScaleDB;

export interface MonitorOptions {
  /**
   * What the addresses of the monitor begin with, such as `'/kimdb'`. Left out or empty, it is what Express has mounted the handler
   * under, or nothing.
   */
  path?: string | null | undefined;
}

/**
 * A request handler that serves a page about a database: the page itself at `path` + `/`, its figures at `metrics.json`, and
 * those for Prometheus at `metrics`. It takes no one's word for who asks: put it behind the program's own authentication.
 *
 * @throws `TypeError` or `RangeError` with code `KIMDB_INVALID_OPTION`.
 */
export function monitor(
  db: Database,
  options?: MonitorOptions | null,
): (request: IncomingMessage, response: ServerResponse) => void;

/** The figures of several databases as one text for Prometheus; see `SimpleDB.toPrometheus`. */
export function toPrometheus(...databases: Database[]): string;
