/**
 * Seals the targets of alert routes, which the database keeps: AES-256-GCM with a random nonce, bound to the route by
 * its id, so that a sealed target copied to another route does not open there. The text names its key by a fingerprint:
 *
 *   v1.<key id>.<nonce>.<tag>.<ciphertext>     all but the first in base64url
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { AlertTarget } from '../domain/alert.ts';
import type { TargetVault } from '../store/postgres/alert-route-store.ts';
import type { SecretsKeys } from './secrets-keys.ts';

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;

export function alertVault(keys: SecretsKeys): TargetVault {
  const aadOf = (routeId: string) => Buffer.from(`alert-route ${routeId}`);
  return {
    seal: (routeId, target) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, keys.current.key, nonce).setAAD(aadOf(routeId));
      const sealed = Buffer.concat([cipher.update(JSON.stringify(target), 'utf8'), cipher.final()]);
      const parts = [nonce, cipher.getAuthTag(), sealed].map((part) => part.toString('base64url'));
      return [VERSION, keys.current.id, ...parts].join('.');
    },
    open: (routeId, text) => {
      const [version, keyId = '', nonce = '', tag = '', sealed = ''] = text.split('.');
      const key = keys.all.get(keyId);
      if (version !== VERSION) return { problem: 'its target was sealed by another version of Tenantry' };
      if (key === undefined) {
        return {
          problem: `its target is sealed under the key ${keyId.slice(0, 16)}, which is not here; put that key back (TENANTRY_SECRETS_KEY or secrets-keys.json), or set the route up anew`,
        };
      }
      try {
        const decipher = createDecipheriv(CIPHER, key, Buffer.from(nonce, 'base64url'), { authTagLength: 16 })
          .setAAD(aadOf(routeId))
          .setAuthTag(Buffer.from(tag, 'base64url'));
        const opened = Buffer.concat([decipher.update(Buffer.from(sealed, 'base64url')), decipher.final()]);
        return { target: JSON.parse(opened.toString('utf8')) as AlertTarget };
      } catch {
        return { problem: 'its target was changed after it was sealed; set the route up anew' };
      }
    },
    isCurrent: (text) => text.startsWith(`${VERSION}.${keys.current.id}.`),
  };
}
