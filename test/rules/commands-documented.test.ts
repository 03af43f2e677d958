import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AGREED, differences, tableBetween } from '../support/rules-markdown.ts';

const README = new URL('../../README.md', import.meta.url);
const PROGRAM = new URL('../../dist/src/app/main.js', import.meta.url).pathname;

/** The commands that a `--help` lists, without `help` itself. */
function commandsOf(help: string): string[] {
  const [, listed = ''] = help.split(/^Commands:$/m);
  return [...listed.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help');
}

const rowsOf = (markdown: string) => tableBetween(markdown, 'commands').map(([name = '']) => name);

describe('README.md', () => {
  it('lists every command, and no other', () => {
    const real = commandsOf(execFileSync(process.execPath, [PROGRAM, '--help'], { encoding: 'utf8' }));
    expect(real).toContain('serve');
    expect(differences(rowsOf(readFileSync(README, 'utf8')), real)).toEqual(AGREED);
  });
});

describe('the check', () => {
  it('notices a command that is missing or invented', () => {
    const help =
      'Usage\n\nCommands:\n  serve [options]  run\n                   everything\n  key              keys\n  help [command]   help\n';
    expect(commandsOf(help)).toEqual(['serve', 'key']);
    const readme =
      '<!-- commands -->\n| command | what |\n|---|---|\n| `serve` | x |\n| `fly` | y |\n<!-- /commands -->';
    expect(differences(rowsOf(readme), commandsOf(help))).toMatchObject({ undocumented: ['key'], invented: ['fly'] });
  });
});
