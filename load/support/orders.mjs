// The part of a process that is told what to do: answers orders one after the other.
import process from 'node:process';

/** `work`: what is done, by the name of the order; what it gives is the answer. */
export function answerOrders(work) {
  process.on('message', async (order) => {
    try {
      process.send({ answer: (await work[order.do](order)) ?? {} });
    } catch (error) {
      process.send({ error: error.stack ?? String(error) });
    }
  });
  // Whoever started it is gone, or has all that was wanted.
  process.on('disconnect', () => process.exit(0));
}
