module.exports = {
  testEnvironment: 'node',
  testMatch: ['**/*.spec.cjs'],
  // Nothing here needs Babel.
  transform: {},
  testTimeout: 60_000,
};
