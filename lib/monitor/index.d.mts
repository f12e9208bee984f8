// Types of `import ... from 'kimdb/monitor'`: those of index.d.ts, name by name.

export { type Database, type MonitorOptions, monitor, toPrometheus } from './index.js';
