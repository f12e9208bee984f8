// The real kimdb 7, without the lines that it prints.

for (const name of ['log', 'error']) {
  const print = console[name];
  console[name] = (...args) => {
    if (!String(args[0]).startsWith('[kimdb]')) print(...args);
  };
}

export const { HyperScaleDB, SimpleDB } = await import('kimdb-old/hyperscale');
