// Assertions about errors: each has a class, a code and a sentence.

import { KimDBError } from 'kimdb/hyperscale';

const CLASSES = { KimDBError, TypeError, RangeError };

function expectation(className, code, message) {
  return {
    instanceOf: CLASSES[className],
    code,
    ...(message === undefined ? {} : { message }),
  };
}

/** The call throws an error of this class and code, at once. */
export function throwsCode(t, call, className, code, message) {
  return t.throws(call, expectation(className, code, message));
}

/** The call returns a promise that rejects; it never throws itself. */
export async function rejectsCode(t, call, className, code, message) {
  let promise;
  t.notThrows(() => {
    promise = call();
  });
  return t.throwsAsync(promise, expectation(className, code, message));
}
