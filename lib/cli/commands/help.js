'use strict';

// kimdb help: in place of commander's own, which answers for a command that does not exist as for none.

module.exports = (program) => {
  program
    .command('help')
    .summary('explain a command')
    .description('Explain a command, or without one list them all.')
    .argument('[command]', 'the command')
    .action((name) => {
      if (name === undefined) program.help();
      program.commands.find((command) => command.name() === name)?.help();
      // It says that there is no such command, and which one may be meant.
      return program.parseAsync([name], { from: 'user' });
    });
};
