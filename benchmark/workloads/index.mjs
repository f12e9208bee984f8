// The workloads by name, in the order of the report. Each exports
//   title     a sentence
//   lines     what it measures, by name: { title, unit, promise }; a line whose unit is a rate is better when it is
//             more, any other when it is less. Lines of a `group` stand side by side. `promise` says which of the driver's promises holds when its clock stops
//   needs     the functions that a driver must have
//   sizes     its options for a full run, a quick one and a smoke test
//   phases    functions that run one after the other, each in a process of its own, on the same files. Each gets
//             { open, options, driver, folder } and gives figures: { line, operations, milliseconds, percentiles? } or { line, value }

export const WORKLOADS = [
  'seed',
  'bulk',
  'docs',
  'uuid',
  'hot',
  'read-hot',
  'read-cold',
  'mixed',
  'durable',
  'scan',
  'latest',
  'recover',
  'grow',
  'lag',
  'workers',
];

export const loadWorkload = (name) => import(`./${name}.mjs`);
