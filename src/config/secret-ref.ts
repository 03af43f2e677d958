import { readFile, realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { TenantryError } from '../domain/errors.ts';
import type { SecretRef } from '../domain/storage-target.ts';
import { SETTINGS } from './config.ts';

/** Longer is no secret but some other file. */
const LONGEST_BYTES = 16 * 1024;

export interface SecretSources {
  /** Folder that secret files have to lie in. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * What a reference names. Tenantry's own settings cannot be named, nor files outside of the folder for secrets: who may
 * set up a target would else read anything that this process reads.
 * @throws TenantryError CONFIG_INVALID without any part of what was read
 */
export async function readSecret(ref: SecretRef, { folder, env = process.env }: SecretSources): Promise<string> {
  const secret = ref.startsWith('env:') ? fromEnvironment(ref.slice(4), env) : await fromFile(ref.slice(5), folder);
  if (secret === undefined || secret === '') {
    throw new TenantryError('CONFIG_INVALID', `There is no secret at ${ref}.`, {
      hint: 'Set the environment variable for the server, or put the file into TENANTRY_SECRETS_DIR.',
    });
  }
  return secret;
}

function fromEnvironment(name: string, env: Readonly<Record<string, string | undefined>>): string | undefined {
  if (name.startsWith('TENANTRY_') || Object.hasOwn(SETTINGS, name)) {
    throw new TenantryError('CONFIG_INVALID', `${name} is a setting of Tenantry's own and no secret of a target.`);
  }
  return env[name];
}

async function fromFile(path: string, folder: string): Promise<string | undefined> {
  try {
    const [real, root] = await Promise.all([realpath(path), realpath(folder)]);
    if (!real.startsWith(`${root}${sep}`)) throw new Error('outside');
    const { size } = await stat(real);
    return size > LONGEST_BYTES ? undefined : (await readFile(real, 'utf8')).trim();
  } catch {
    return undefined;
  }
}
