import { createHmac } from 'node:crypto';
import { USER_HASH_ATTRIBUTE, USER_ID_ATTRIBUTE } from '../domain/attributes.ts';
import type { Tenant } from './tenant.ts';

/**
 * How users stand on spans: `plain` as `user.id`, `none` not at all, or with a secret of the app as `user.hash`
 * (HMAC-SHA-256 of the id, hex). A hash without a secret would be undone by hashing all ids there are.
 */
export type UserMarking = 'plain' | 'none' | { readonly hmacSecret: string | Uint8Array };

/** RFC 2104: a key shorter than the hash's output weakens it; half of it still withstands guessing. */
const MIN_SECRET_BYTES = 16;

let marking: UserMarking = 'plain';
// One hash for each request, not one for each of its spans.
let hashes = new WeakMap<Tenant, string>();

/**
 * For the whole process, as spans belong to no Tenantry instance.
 * @throws RangeError when the secret has fewer than 16 bytes
 */
export function setUserMarking(next: UserMarking): void {
  if (typeof next === 'object' && Buffer.byteLength(next.hmacSecret) < MIN_SECRET_BYTES) {
    throw new RangeError(`userId.hmacSecret needs at least ${MIN_SECRET_BYTES} bytes`);
  }
  marking = next;
  hashes = new WeakMap();
}

/** The attributes that stand for the tenant's user: `user.id`, `user.hash` or none. */
export function userMarkOf(tenant: Tenant): Record<string, string> {
  const { userId } = tenant;
  if (userId === undefined || marking === 'none') return {};
  if (marking === 'plain') return { [USER_ID_ATTRIBUTE]: userId };
  let hash = hashes.get(tenant);
  if (hash === undefined) {
    hash = createHmac('sha256', marking.hmacSecret).update(userId).digest('hex');
    hashes.set(tenant, hash);
  }
  return { [USER_HASH_ATTRIBUTE]: hash };
}
