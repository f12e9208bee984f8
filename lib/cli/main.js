'use strict';

// The command line of kimdb: its commands, its common options, and how it ends.

const { Command, CommanderError } = require('commander');
const { pathOf } = require('./arguments.js');
const { EXIT, explain } = require('./exit.js');
const { Console, toleratePipes } = require('./console.js');
const { version } = require('../../package.json');

const COMMANDS = [
  require('./commands/stats.js'),
  require('./commands/ls.js'),
  require('./commands/get.js'),
  require('./commands/set.js'),
  require('./commands/dump.js'),
  require('./commands/load.js'),
  require('./commands/verify.js'),
  require('./commands/recover.js'),
  require('./commands/reshard.js'),
  require('./commands/help.js'),
];

const EXAMPLES = `
Examples:
  kimdb --db data/app.db ls
  kimdb --db data/app.db get users u001
  kimdb --db data/app.db dump | kimdb --db copy.db load
  kimdb --db data/app.db verify

Exit codes:
  0  done
  1  done, and something is not as it should be: no such document, a bad line, damage
  2  could not be done: wrong arguments, no such database, an error
  3  another process has the database open

It wants the database for itself: stop the program that uses it first.`;

async function main(argv) {
  toleratePipes();
  try {
    await makeProgram().parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.failed;
      return;
    }
    const { exitCode, text, stack } = explain(error);
    if (text !== undefined) new Console().complain(text, stack);
    process.exitCode = exitCode;
  }
}

function makeProgram() {
  const program = new Command('kimdb')
    .description('Look into a kimdb database, copy it, check it and repair it.')
    .version(version, '-V, --version', 'print the version of kimdb')
    .helpOption('-h, --help', 'explain the command')
    .helpCommand(false)
    .option('--db <path>', 'the database, as dbPath in a program (default: ./data/hyperscale.db)', pathOf)
    .option(
      '--wal <path>',
      'its log, as walPath in a program (default: where the database had it last)',
      pathOf,
    )
    .option('--json', 'print data as JSON, for other programs')
    .option('--quiet', 'print no messages and no progress, only data and errors')
    .addHelpText('after', EXAMPLES)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, 'kimdb:')) })
    .showHelpAfterError('(--help tells more)')
    .exitOverride();
  for (const define of COMMANDS) define(program, run);
  return program;
}

/** The action of a command: `work(options, console, ...arguments)` returns the exit code, or nothing for 0. */
function run(work) {
  return async (...given) => {
    const command = given.pop();
    const options = command.optsWithGlobals();
    const positional = given.slice(0, -1);
    process.exitCode = (await work(options, new Console(options), ...positional)) ?? EXIT.done;
  };
}

module.exports = { main };
