// The API's documentation: every export of every sub-path has a docstring, and every link in one leads somewhere.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ROOT, readManifest } from '../support/package-project.ts';

interface Options {
  readonly entryPoints: readonly string[];
  readonly validation: Readonly<Record<string, boolean>>;
  readonly treatWarningsAsErrors: boolean;
}

const OPTIONS = join(ROOT, '.config/typedoc.json');
const readOptions = async () => JSON.parse(await readFile(OPTIONS, 'utf8')) as Options;

describe('the documentation', () => {
  it('is about every sub-path', async () => {
    const { exports } = await readManifest(join(ROOT, 'package.json'));
    const sources = Object.values(exports).map(({ default: file }) =>
      file.replace('./dist', '..').replace(/js$/, 'ts'),
    );
    expect((await readOptions()).entryPoints.toSorted()).toEqual(sources.toSorted());
  });

  it('covers every export, without a broken link', async () => {
    const { treatWarningsAsErrors, validation } = await readOptions();
    expect({ treatWarningsAsErrors, ...validation }).toEqual({
      treatWarningsAsErrors: true,
      notExported: true,
      invalidLink: true,
      notDocumented: true,
    });
    const typedoc = join(ROOT, 'node_modules/typedoc/bin/typedoc');
    // The types are checked by the command's own step before the tests.
    const args = [typedoc, '--options', OPTIONS, '--skipErrorChecking', '--emit', 'none', '--pretty', 'false'];
    const said = await promisify(execFile)(process.execPath, args, { cwd: ROOT }).then(
      () => '',
      ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
    );
    expect(said).toBe('');
  });
});
