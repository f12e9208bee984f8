// No store: the sessions are values in the server's memory, so that the answers are the same.
import process from 'node:process';

export const title = 'no store';
export const version = process.versions.node;
export const settings = "a Map in the server's memory; nothing is stored";

export function open() {
  const sessions = new Map();
  return {
    set: async (_collection, id, data) => {
      sessions.set(id, data);
    },
    get: async (_collection, id) => sessions.get(id),
    dataOf: (found) => found,
    close: () => sessions.clear(),
  };
}
