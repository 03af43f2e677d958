/** An empty project with the packed tarball and only the packages that it is given: nothing comes from the network. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, { types: string; default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { optional?: boolean }>>;
}

export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export const readManifest = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as Manifest;

/** The tarball of the last build. */
export async function tarballPath(): Promise<string> {
  return join(ROOT, `dist/tenantry-${(await readManifest(join(ROOT, 'package.json'))).version}.tgz`);
}

export class Project {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param type of the project's own files */
  static async make(type: 'module' | 'commonjs', packages: readonly string[] = []): Promise<Project> {
    const project = new Project(await mkdtemp(join(tmpdir(), 'tenantry-package-')));
    const installed = join(project.folder, 'node_modules/tenantry');
    await mkdir(installed, { recursive: true });
    await run('tar', ['-xzf', await tarballPath(), '-C', installed, '--strip-components=1']);
    await writeFile(join(project.folder, 'package.json'), JSON.stringify({ name: 'some-app', private: true, type }));
    const { dependencies } = await readManifest(join(installed, 'package.json'));
    await project.provide(...Object.keys(dependencies), '@opentelemetry/api', ...packages);
    return project;
  }

  /** Makes packages of this checkout available, as an install would. */
  async provide(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const target = join(this.folder, 'node_modules', name);
      if (existsSync(target)) continue;
      await mkdir(dirname(target), { recursive: true });
      await symlink(join(ROOT, 'node_modules', name), target, 'dir');
    }
  }

  async write(file: string, source: string): Promise<void> {
    await mkdir(dirname(join(this.folder, file)), { recursive: true });
    await writeFile(join(this.folder, file), source);
  }

  /** Runs `node <args>` here, without flags or options from the outside. */
  async node(...args: readonly string[]): Promise<Outcome> {
    const { NODE_OPTIONS: _, ...env } = process.env;
    return await run(process.execPath, [...args], { cwd: this.folder, env }).then(
      ({ stdout, stderr }) => ({ status: 0, out: stdout, err: stderr }),
      (error: { code: number; stdout: string; stderr: string }) => ({
        status: error.code,
        out: error.stdout,
        err: error.stderr,
      }),
    );
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
