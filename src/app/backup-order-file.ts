/**
 * What `tenantry backup` asks of the running server, left in the data directory under a random name: the API is told the
 * name alone. So no path comes over the network, and only who may write to the data directory, and could read all of it,
 * has a backup written to a folder of their choice.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { TenantryError } from '../domain/errors.ts';
import type { BackupOrder } from './backup-take.ts';

const FOLDER = 'backup-orders';
const NAME = /^[0-9a-f]{32}$/;

/** @returns the name that the server is to be told */
export async function leaveOrder(dataDir: string, order: Omit<BackupOrder, 'onProgress'>): Promise<string> {
  const folder = join(dataDir, FOLDER);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = randomBytes(16).toString('hex');
  await writeFile(join(folder, name), JSON.stringify(order), { mode: 0o600, flag: 'wx' });
  return name;
}

/** Reads an order, which is gone then. @throws TenantryError NOT_FOUND */
export async function takeOrder(dataDir: string, name: string): Promise<BackupOrder> {
  const missing = () =>
    new TenantryError('NOT_FOUND', 'There is no such order in the data directory.', {
      hint: 'Give `tenantry backup` the TENANTRY_DATA_DIR of the running server.',
    });
  if (!NAME.test(name)) throw missing();
  const path = join(dataDir, FOLDER, name);
  const text = await readFile(path, 'utf8').catch(() => {
    throw missing();
  });
  await rm(path, { force: true });
  const { to, withSecrets, keep, full } = JSON.parse(text) as Partial<BackupOrder>;
  if (typeof to !== 'string' || !isAbsolute(to)) throw missing();
  return {
    to,
    withSecrets: withSecrets === true,
    keep: typeof keep === 'number' ? keep : undefined,
    full: full === true,
  };
}
