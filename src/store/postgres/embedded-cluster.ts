/**
 * Creates the embedded server's files, once:
 *
 *   <data dir>/cluster/data             0700, the server's user: what initdb writes
 *   <data dir>/cluster/passwords.json   0600, our own user
 *
 * Both are made under a temporary name and renamed together, so that a kill in the middle leaves no half cluster, and
 * of two first starts at once one wins with its own passwords.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TenantryError } from '../../domain/errors.ts';
import { CHILD_ENV, canAccess, type ServerUser } from './embedded-binaries.ts';

const MAJOR_VERSION = '18';
const STAGING_PATTERN = /^cluster\.new-(\d+)-/;
/** Users that exist on practically every system and own nothing; postgres needs one with a passwd entry. */
const UNPRIVILEGED_USERS = ['nobody', 'daemon'];

export interface Passwords {
  /** Of the superuser `postgres`. */
  readonly owner: string;
  /** Of the login role that the service uses. */
  readonly app: string;
}

/** A folder as seen by this process, and as seen by a child that got `fd` as its file descriptor 3. */
export interface SharedFolder {
  readonly childPath: string;
  readonly stdio: ('ignore' | 'pipe' | number)[];
  close(): Promise<void>;
}

export function clusterFolder(dataDir: string): string {
  return join(dataDir, 'cluster');
}

/**
 * Who runs the server: the owner of existing data, otherwise (as root) an unprivileged user.
 * @throws TenantryError STORE_START_FAILED when the data belongs to somebody else and we are not root
 */
export async function chooseServerUser(dataDir: string): Promise<ServerUser | undefined> {
  const data = join(clusterFolder(dataDir), 'data');
  const owner = await stat(data).catch(() => undefined);
  const own = process.getuid?.();
  if (own !== 0) {
    if (owner === undefined || owner.uid === own) return undefined;
    throw new TenantryError('STORE_START_FAILED', `${data} belongs to another user (uid ${owner.uid})`, {
      hint: `Start as root or as that user, or hand the folder over: chown -R ${own} ${dataDir}`,
    });
  }
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const passwd = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of UNPRIVILEGED_USERS) {
    const entry = passwd.find((fields) => fields[0] === name);
    // macOS writes nobody's uid as -2.
    if (entry !== undefined) return { uid: Number(entry[2]) >>> 0, gid: Number(entry[3]) >>> 0 };
  }
  throw new TenantryError('STORE_START_FAILED', 'PostgreSQL does not run as root, and there is no user "nobody" here', {
    hint: 'Start Tenantry as an ordinary user, or set DATABASE_URL.',
  });
}

/** Makes the cluster if there is none, and reads its passwords. */
export async function ensureCluster(
  dataDir: string,
  binaries: string,
  user: ServerUser | undefined,
): Promise<Passwords> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  await removeAbandonedStaging(dataDir);
  const cluster = clusterFolder(dataDir);
  const version = await readFile(join(cluster, 'data', 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version === undefined) await createCluster(dataDir, binaries, user);
  else if (version.trim() !== MAJOR_VERSION) {
    throw new TenantryError('STORE_START_FAILED', `${cluster} was written by PostgreSQL ${version.trim()}`, {
      hint: `This version brings PostgreSQL ${MAJOR_VERSION}. Dump the data with the old version and load it into a new data directory.`,
    });
  }
  return readPasswords(join(cluster, 'passwords.json'));
}

async function readPasswords(path: string): Promise<Passwords> {
  try {
    const { owner, app } = JSON.parse(await readFile(path, 'utf8')) as Partial<Passwords>;
    if (typeof owner === 'string' && typeof app === 'string') return { owner, app };
  } catch {
    // Reported below: the reader's next step is the same for every cause, and the parser's message quotes the file.
  }
  throw new TenantryError(
    'STORE_START_FAILED',
    `The passwords of the embedded PostgreSQL cannot be read from ${path}`,
    {
      hint: 'Restore the file from a backup, or start with a new data directory.',
    },
  );
}

async function createCluster(dataDir: string, binaries: string, user: ServerUser | undefined): Promise<void> {
  const staging = join(dataDir, `cluster.new-${process.pid}-${randomBytes(4).toString('hex')}`);
  const passwords: Passwords = { owner: randomBytes(24).toString('hex'), app: randomBytes(24).toString('hex') };
  try {
    await mkdir(staging, { mode: 0o711 });
    // mkdir's mode passes through the umask; the server's user must get through.
    await chmod(staging, 0o711);
    await mkdir(join(staging, 'data'), { mode: 0o700 });
    await writeFile(join(staging, 'initial-password'), passwords.owner, { mode: 0o400 });
    if (user !== undefined) {
      await chown(join(staging, 'data'), user.uid, user.gid);
      await chown(join(staging, 'initial-password'), user.uid, user.gid);
    }
    await runInitdb(staging, binaries, user);
    await rm(join(staging, 'initial-password'));
    await writeDurably(join(staging, 'passwords.json'), JSON.stringify(passwords));
    await rename(staging, clusterFolder(dataDir)).catch((error: NodeJS.ErrnoException) => {
      // Another process finished first: its cluster is as good as ours.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    await syncFolder(dataDir);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function runInitdb(staging: string, binaries: string, user: ServerUser | undefined): Promise<void> {
  const folder = await shareFolder(staging, user);
  const args = [
    `--pgdata=${folder.childPath}/data`,
    `--pwfile=${folder.childPath}/initial-password`,
    '--username=postgres',
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-instructions',
  ];
  try {
    const child = spawn(join(binaries, 'bin', 'initdb'), args, {
      ...user,
      cwd: '/',
      env: CHILD_ENV,
      stdio: folder.stdio,
    });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => output.push(chunk));
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (exitCode !== 0) {
      const lines = Buffer.concat(output).toString('utf8').trim().split('\n').slice(-5).join(' | ');
      throw new TenantryError('STORE_START_FAILED', `initdb could not create the embedded PostgreSQL: ${lines}`, {
        hint: `Check free space and permissions of ${staging}, or set DATABASE_URL.`,
      });
    }
  } finally {
    await folder.close();
  }
}

/**
 * Lets a child that runs as `user` work in `folder` even where that user may not enter the folders above it, as
 * below /root: the child inherits an open descriptor and reaches the folder through it. Linux only; elsewhere the
 * path is passed as it is.
 */
export async function shareFolder(folder: string, user: ServerUser | undefined): Promise<SharedFolder> {
  if (user === undefined || process.platform !== 'linux' || canAccess('-x', folder, user)) {
    return { childPath: folder, stdio: ['ignore', 'pipe', 'pipe'], close: async () => {} };
  }
  const handle = await open(folder, 'r');
  return { childPath: '/proc/self/fd/3', stdio: ['ignore', 'pipe', 'pipe', handle.fd], close: () => handle.close() };
}

/** Staging folders of processes that were killed in the middle. */
async function removeAbandonedStaging(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    const pid = STAGING_PATTERN.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(dataDir, name), { recursive: true, force: true });
  }
}

/** Whether a process with this id exists, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
