'use strict';

// The channels of node:diagnostics_channel. Whoever publishes asks `hasSubscribers` first, so that a message which nobody
// gets is never made.

const { channel } = require('node:diagnostics_channel');

const NAMES = ['open', 'recover', 'flush', 'sync', 'retry', 'error', 'close'];

const channels = Object.fromEntries(NAMES.map((name) => [name, channel(`kimdb:${name}`)]));

/** Publishes a message about a database, if somebody listens. */
function publish(name, db, details) {
  const to = channels[name];
  if (to.hasSubscribers) to.publish({ db, dbPath: db.config.dbPath, ...details });
}

module.exports = { channels, publish };
