/** Prints the help of every command, and of every command below one, as JSON: `{ "key create": "Usage: ..." }`. */
import type { Command } from 'commander';
import { COMMANDS, createProgram } from '../../../src/app/program.ts';

const helps: Record<string, string> = {};

/** With what stands before and after it, which `helpInformation()` leaves out. */
function print(command: Command, path: readonly string[]): void {
  let text = '';
  command.configureOutput({
    writeOut: (more) => {
      text += more;
    },
  });
  command.outputHelp();
  helps[path.join(' ')] = text;
  for (const below of command.commands) print(below, [...path, below.name()]);
}

print(await createProgram(''), []);
// As the program loads it that is asked for one command.
for (const name of Object.keys(COMMANDS)) {
  const [alone] = (await createProgram(name)).commands;
  if (alone !== undefined) print(alone, [name]);
}
process.stdout.write(JSON.stringify(helps));
