import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { TenantryError } from '../src/domain/errors.ts';

const LOCK_NAME = 'ingest.lock';
/** sun_path holds 104 bytes on macOS and 108 on Linux, with the closing zero. */
const MAX_SOCKET_PATH = 103;

export interface SpoolLock {
  release(): Promise<void>;
}

/**
 * One ingest per spool. The lock is a listening unix socket: the kernel answers whether its holder lives, so that a
 * killed process leaves no lock behind, process ids may be reused (as containers do), and holders in other
 * containers on the same volume are seen.
 * @throws TenantryError DATA_DIR_IN_USE
 */
export async function lockSpool(folder: string): Promise<SpoolLock> {
  const address = await socketAddress(folder);
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      const server = await listen(address.path);
      if (server !== undefined) return { release: () => release(server, address) };
      await removeIfDead(folder, address.prefix);
    }
    throw inUse(folder);
  } catch (error) {
    await address.close();
    throw error;
  }
}

interface SocketAddress {
  readonly path: string;
  readonly prefix: string;
  close(): Promise<void>;
}

/** A path to the lock that fits into sun_path however deep the folder lies. */
async function socketAddress(folder: string): Promise<SocketAddress> {
  const fits = [resolve(folder), relative(process.cwd(), folder) || '.'].find(
    (prefix) => Buffer.byteLength(join(prefix, `${LOCK_NAME}.0123456789abcdef`)) <= MAX_SOCKET_PATH,
  );
  if (fits !== undefined) return { prefix: fits, path: join(fits, LOCK_NAME), close: async () => {} };
  if (process.platform !== 'linux') {
    throw new TenantryError('CONFIG_INVALID', 'the path of the data directory is too long for a unix socket', {
      hint: 'Set TENANTRY_DATA_DIR to a path of less than 80 characters.',
    });
  }
  const handle = await open(folder, 'r');
  const prefix = `/proc/self/fd/${handle.fd}`;
  return { prefix, path: join(prefix, LOCK_NAME), close: () => handle.close() };
}

/** The listening server, or undefined if the path exists. */
function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolvePromise, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolvePromise(undefined);
      else reject(error);
    });
    server.listen({ path }, () => {
      server.unref();
      resolvePromise(server);
    });
  });
}

/**
 * Moves the socket aside before it looks whether anybody answers, so that of two starters only one removes the dead
 * socket, and a live one is put back.
 */
async function removeIfDead(folder: string, prefix: string): Promise<void> {
  if (await answers(join(prefix, LOCK_NAME))) throw inUse(folder);
  const aside = `${LOCK_NAME}.${randomBytes(8).toString('hex')}`;
  try {
    await rename(join(folder, LOCK_NAME), join(folder, aside));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (await answers(join(prefix, aside))) {
    await link(join(folder, aside), join(folder, LOCK_NAME));
    await rm(join(folder, aside));
    throw inUse(folder);
  }
  await rm(join(folder, aside));
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolvePromise) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolvePromise(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // A full backlog is a living process; only "nobody listens" and "gone" are not.
      resolvePromise(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

/** Closing the server removes the socket file. */
async function release(server: Server, address: SocketAddress): Promise<void> {
  await new Promise<void>((done) => {
    server.close(() => done());
  });
  await address.close();
}

function inUse(folder: string): TenantryError {
  return new TenantryError('DATA_DIR_IN_USE', `another ingest process writes to ${resolve(folder)}`, {
    hint: 'Stop the other process, or give this one its own TENANTRY_DATA_DIR.',
  });
}
