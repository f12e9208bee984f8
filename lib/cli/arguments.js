'use strict';

// Values of arguments, as commander has them parsed.

const { InvalidArgumentError } = require('commander');

/** The parser of an integer from 1 to `most`. */
function integerTo(most) {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < 1 || number > most) {
      throw new InvalidArgumentError(`It must be an integer from 1 to ${most}.`);
    }
    return number;
  };
}

/** The path of a file. */
function pathOf(text) {
  if (text === '' || /[\\/]$/.test(text)) throw new InvalidArgumentError('It must be the path of a file.');
  return text;
}

module.exports = { integerTo, pathOf };
