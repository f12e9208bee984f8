'use strict';

// Ctrl-C and its like during a long work: it comes to a good end instead of being killed. A second signal kills.

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Calls `stop` at the first signal. `{ signal, release() }`: the signal once there was one, and an end of the watch. */
function watchSignals(stop = () => {}) {
  const watch = {
    signal: undefined,
    release() {
      for (const name of SIGNALS) process.off(name, note);
    },
  };
  const note = (signal) => {
    watch.signal = signal;
    watch.release();
    stop();
  };
  for (const name of SIGNALS) process.on(name, note);
  return watch;
}

/** A turn of the event loop, in which signals are heard. */
const turn = () => new Promise(setImmediate);

module.exports = { turn, watchSignals };
