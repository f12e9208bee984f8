// Reads license expressions (SPDX): names joined by OR, AND, WITH and parentheses. "MIT/Apache-2.0" is the old OR.

/** Whether somebody who accepts only the licenses in the set `allowed` may use what is under `expression`. */
export function isAllowed(expression, allowed) {
  if (typeof expression !== 'string') return false;
  const tokens = expression.replaceAll('/', ' OR ').match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const accept = (token) => tokens[at] === token && ++at > 0;

  const either = () => {
    let good = both();
    while (accept('OR')) good = both() || good;
    return good;
  };
  const both = () => {
    let good = one();
    while (accept('AND')) good = one() && good;
    return good;
  };
  const one = () => {
    if (accept('(')) {
      const good = either();
      return accept(')') && good;
    }
    const name = tokens[at++];
    // An exception only adds permissions, but what it says has to be read first: it is a name of its own.
    return allowed.has(accept('WITH') ? `${name} WITH ${tokens[at++]}` : name);
  };

  const good = either();
  return good && at === tokens.length;
}
