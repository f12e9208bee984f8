// The client's process: holds the connections open and sends requests. Started by ../support/processes.mjs:
//   { do: 'connect', port, connections }   opens them, half of them HTTP, half WebSocket
//   { do: 'fill', rate }                   every connection stores its first session
//   { do: 'mix', rate, seconds }           reads and writes at a fixed rate
//   { do: 'bursts', bursts, everyMs }      all connections write at once, several times
//   { do: 'check', rate }                  every connection reads its session
// Each but the first gives the figures of what it did.
import { uniform } from '../../benchmark/support/random.mjs';
import { answerOrders } from '../support/orders.mjs';
import { connectAll } from './connect.mjs';
import { pace } from './pace.mjs';
import { Tally } from './tally.mjs';

const WRITES_PERCENT = 20;

let users;
let allAnswered;
let unanswered = 0;
let tally;

const onAnswer = (kind, latencyMs, problem) => {
  unanswered -= 1;
  tally.count(kind, latencyMs, problem);
  if (unanswered === 0) allAnswered?.();
};

function ask(user, kind, due) {
  unanswered += 1;
  user.ask(kind, due);
}

/** Runs a phase to its last answer. */
async function phase(send) {
  tally = new Tally((sample) => process.send({ sample }));
  const sent = await send();
  if (unanswered > 0)
    await new Promise((resolve) => {
      allAnswered = resolve;
    });
  allAnswered = undefined;
  return { ...tally.finish(), ...sent };
}

/** One request of each connection, so many a second. */
const each = (kind, rate) => phase(() => pace(users.length, rate, (i, due) => ask(users[i], kind, due)));

answerOrders({
  async connect({ port, connections }) {
    users = await connectAll(port, connections, onAnswer);
  },
  fill: ({ rate }) => each('write', rate),
  check: ({ rate }) => each('read', rate),
  mix({ rate, seconds, seed }) {
    const count = Math.round(rate * seconds);
    const chosen = uniform(count, users.length, seed);
    const percents = uniform(count, 100, seed + 1);
    return phase(() =>
      pace(count, rate, (i, due) =>
        ask(users[chosen[i]], percents[i] < WRITES_PERCENT ? 'write' : 'read', due),
      ),
    );
  },
  bursts: ({ bursts, everyMs }) => phase(() => sendBursts(bursts, everyMs)),
});

/** Gives how long the last answer to each burst took, in milliseconds. */
async function sendBursts(bursts, everyMs) {
  const took = [];
  for (let i = 0; i < bursts; i++) {
    const start = performance.now();
    const answered = new Promise((resolve) => {
      allAnswered = resolve;
    });
    for (const user of users) ask(user, 'write', start);
    await answered;
    took.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, everyMs - (performance.now() - start)));
  }
  return { took };
}
