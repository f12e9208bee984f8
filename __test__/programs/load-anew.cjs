// Loads kimdb anew, as reloaders do that empty the cache of modules. The compiled addon stays: Node.js unloads none.

module.exports = function loadAnew() {
  for (const path of Object.keys(require.cache))
    if (path !== __filename && !path.endsWith('.node')) delete require.cache[path];
  // Node.js remembers who has asked for which module, and would keep all of them.
  module.children.length = 0;
  return require('kimdb').SimpleDB;
};
