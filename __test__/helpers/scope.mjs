// Teardowns for what is shorter than a test.

/** Gives `run` an object with a `teardown` like AVA's, and does what was registered with it, last to first. */
export async function withScope(run) {
  const undos = [];
  try {
    return await run({ teardown: (undo) => undos.push(undo) });
  } finally {
    for (const undo of undos.reverse()) await undo();
  }
}
