const behaviour = require('../behaviour.cjs');

behaviour({
  kimdb: require('kimdb'),
  load() {
    jest.resetModules();
    return require('kimdb');
  },
  clock: { stop: () => jest.useFakeTimers(), go: () => jest.useRealTimers() },
});

test('Jest gives this file a realm of its own', () => {
  expect(require('node:vm').runInThisContext('Array')).not.toBe(Array);
});
