import type { KeySnapshot, KeySnapshotEntry } from '../src/domain/spool-format.ts';
import { isSelfCheckTenant, isTenantId } from '../src/domain/tenant-id.ts';

const SHA256_PATTERN = /^[0-9a-f]{64}$/;
const MAX_ID_LENGTH = 256;

/**
 * The snapshot in `text`. One bad entry makes the whole snapshot bad: half a list of keys would lock customers out.
 * @throws Error saying what is malformed, without any value of the file
 */
export function parseKeySnapshot(text: string): KeySnapshot {
  const document = parseJson(text);
  if (!isObject(document)) throw new Error('not a JSON object');
  const { revision, keys } = document;
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision)) throw new Error('revision is not an integer');
  if (!Array.isArray(keys)) throw new Error('keys is not an array');
  return { revision, keys: keys.map(parseEntry) };
}

function parseEntry(entry: unknown, index: number): KeySnapshotEntry {
  const refuse = (field: string): never => {
    throw new Error(`keys[${index}].${field} is malformed`);
  };
  if (!isObject(entry)) throw new Error(`keys[${index}] is not an object`);
  const { id, sha256, scopes, tenantId, service, expiresAt, previous, closed } = entry;
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID_LENGTH) return refuse('id');
  if (typeof sha256 !== 'string' || !SHA256_PATTERN.test(sha256)) return refuse('sha256');
  if (!Array.isArray(scopes) || !scopes.every((scope) => typeof scope === 'string')) return refuse('scopes');
  // A tenant that cannot be read must never turn into "every tenant".
  if (tenantId !== undefined && !isTenantId(tenantId) && !isSelfCheckTenant(tenantId)) return refuse('tenantId');
  if (service !== undefined && (typeof service !== 'string' || service === '' || service.length > MAX_ID_LENGTH)) {
    return refuse('service');
  }
  if (expiresAt !== undefined && (typeof expiresAt !== 'number' || !Number.isFinite(expiresAt))) {
    return refuse('expiresAt');
  }
  return {
    id,
    sha256,
    scopes,
    ...(tenantId === undefined ? {} : { tenantId }),
    ...(service === undefined ? {} : { service }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(closed === true ? { closed } : {}),
    ...(previous === true ? { previous } : {}),
  };
}

/** JSON.parse quotes the text in its error: hashes would reach the log. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('not JSON');
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
