import monitoring from './index.js';

export const { monitor, toPrometheus } = monitoring;
