// One row a store: medians over its rounds, and everything that went wrong in any of them.
import { median } from '../../benchmark/support/summary.mjs';

const MIB = 2 ** 20;

export function summarise({ stores, runs, size }) {
  return stores.map(({ name, title }) =>
    summariseStore(
      name,
      title,
      runs.filter(({ store }) => store === name),
      size,
    ),
  );
}

function summariseStore(name, title, runs, { connections }) {
  const middle = (pick) => median(runs.map(pick));
  const most = (pick) => Math.max(...runs.map(pick));
  const sum = (pick) => runs.reduce((total, run) => total + pick(run), 0);
  const phase = (of) => ({
    perSecond: middle((run) => (of(run).requests / of(run).milliseconds) * 1000),
    latency: medians(runs.map((run) => of(run).latency.all)),
    loop: medians(runs.map((run) => of(run).server.loop)),
    cores: middle((run) => of(run).server.cores),
    others: middle((run) => of(run).others),
    clientLoopP99: middle((run) => of(run).loopP99),
    megabytes: most((run) => of(run).server.memory.rss) / MIB,
  });
  return {
    name,
    title,
    answers: sum(({ answers }) => answers),
    failed: sum(({ failed }) => failed),
    wrong: sum(({ wrong }) => wrong),
    mix: {
      ...phase(({ mix }) => mix),
      reads: medians(runs.map(({ mix }) => mix.latency.read)),
      writes: medians(runs.map(({ mix }) => mix.latency.write)),
    },
    burst: {
      ...phase(({ burst }) => burst),
      perSecond: median(runs.flatMap(({ burst }) => burst.took.map((ms) => (connections / ms) * 1000))),
    },
  };
}

/** The median of each figure. */
function medians(figures) {
  const names = Object.keys(figures[0]);
  return Object.fromEntries(names.map((name) => [name, median(figures.map((one) => one[name]))]));
}
