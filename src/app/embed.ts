import { hkdfSync } from 'node:crypto';
import type { EmbedKeys } from '../api/embed-ports.ts';
import type { SecretsKeys } from './secrets-keys.ts';

const PURPOSE = 'tenantry embed tokens v1';
/** As long as the digest of HS256. */
const BYTES = 32;

/**
 * Keys that tokens of frames are signed with, derived from those that secrets are sealed with: one set of keys to keep
 * and to turn, and neither use can be turned against the other.
 */
export function embedKeys(keys: Pick<SecretsKeys, 'current' | 'all'>): EmbedKeys {
  const derived = new Map(
    [...keys.all].map(([id, key]) => [id, new Uint8Array(hkdfSync('sha256', key, '', PURPOSE, BYTES))]),
  );
  const find = (id: string) => derived.get(id);
  const secret = find(keys.current.id);
  if (secret === undefined) throw new Error('the current key is one of all');
  return { current: { id: keys.current.id, secret }, find };
}
