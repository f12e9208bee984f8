// What is going to be measured: each workload with its options and the drivers that can do it.
import { loadDriver } from '../drivers/index.mjs';
import { loadWorkload } from '../workloads/index.mjs';

/** @returns {Promise<{ drivers: object[], workloads: object[] }>} */
export async function makePlan(settings) {
  const modules = new Map();
  for (const name of settings.drivers) modules.set(name, await loadDriver(name));
  const workloads = [];
  for (const name of settings.workloads) workloads.push(await planWorkload(name, modules, settings));
  const drivers = settings.drivers.map((name) => {
    const { title, version, settings: text, promises, measures } = modules.get(name);
    return { name, title, version, settings: text, promises, isLimit: Boolean(measures) };
  });
  return { drivers, workloads };
}

async function planWorkload(name, modules, { size, count, rounds, isLarge }) {
  const workload = await loadWorkload(name);
  const grows = isLarge && workload.sizes.large !== undefined;
  const options = { ...workload.sizes[grows ? 'large' : size] };
  if (count !== undefined && options.count !== undefined) options.count = count;
  const most = workload.mostDocuments?.(options) ?? 0;
  const skipped = [];
  const drivers = [];
  for (const [driver, module] of modules) {
    const reason = reasonToSkip(module, name, workload, most);
    if (reason === undefined) drivers.push(driver);
    else if (reason !== '') skipped.push({ driver, reason });
  }
  return {
    name,
    title: workload.title,
    lines: workload.linesFor?.(options) ?? workload.lines,
    phases: workload.phases(options),
    options,
    drivers,
    skipped,
    // Thirty million documents take minutes a driver, and what happens now and then evens out in them.
    rounds: grows ? 1 : rounds,
  };
}

/** Why a driver does not take part, an empty text where nobody expects it to, or nothing where it does. */
function reasonToSkip(driver, name, { needs }, most) {
  if (driver.measures) {
    if (!driver.measures[name]) return '';
    return driver.missing?.();
  }
  if (most > (driver.mostDocuments ?? Number.POSITIVE_INFINITY)) {
    return `cannot hold ${most.toLocaleString('en-US')} documents`;
  }
  const lack = needs.find((need) => driver.lacks?.[need]);
  return lack && driver.lacks[lack];
}
