/**
 * The public keys of an identity provider. jose's own remote set forgets good keys when a later fetch fails, and asks
 * a provider that is down again for every token with an unknown key id; this one does neither.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, type LocalJWKSet } from 'jose';
import { TenantryError } from '../domain/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../domain/window.ts';
import { mayVerify } from './jwt-key-strength.ts';

const FETCH_TIMEOUT_MS = 3 * SECOND_MS;
/** Between two fetches because of a key id that is not known: attackers can write as many as they like. */
const COOLDOWN_MS = 30 * SECOND_MS;
/** Between two fetches while there are no keys at all: short, because every caller waits for them. */
const FIRST_RETRY_MS = SECOND_MS;
/** Older keys are used and fetched anew, so that a key which the provider took back is out soon. */
const FRESH_MS = 5 * MINUTE_MS;
const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 100;

export interface KeySourceOptions {
  readonly url: string;
  /** Monotonic milliseconds. */
  readonly monotonicNow: () => number;
}

function unavailable(cause: unknown): TenantryError {
  return new TenantryError('STORE_UNAVAILABLE', "The identity provider's keys cannot be fetched.", {
    hint: 'Check that the address in TENANTRY_JWKS_URL can be reached from Tenantry.',
    cause,
  });
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new Error(`the key set is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

async function fetchKeys(url: string): Promise<LocalJWKSet> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    // The address in the settings is the one that is trusted.
    redirect: 'error',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the key set was answered with status ${response.status}`);
  }
  const set = JSON.parse(await boundedText(response)) as JSONWebKeySet;
  createLocalJWKSet(set);
  if (set.keys.length === 0 || set.keys.length > MAX_KEYS) throw new Error('the key set has no keys, or too many');
  const keys = set.keys.filter(mayVerify);
  if (keys.length === 0) throw new Error('the key set has no key that may be used');
  return createLocalJWKSet({ keys });
}

/**
 *   empty --fetched--> fresh --5 minutes--> ageing (used, fetched in the background) --fetched--> fresh
 *   a fetch that fails leaves the keys that are there
 *
 * The keys throw STORE_UNAVAILABLE when they were never had, or when a key is unknown and the last fetch failed: it may
 * be a new one. Otherwise an unknown key throws as jose's do.
 */
export function createKeySource({ url, monotonicNow }: KeySourceOptions): JWTVerifyGetKey {
  let keys: LocalJWKSet | undefined;
  let loadedAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    askedAt = monotonicNow();
    try {
      keys = await fetchKeys(url);
      loadedAt = monotonicNow();
      failure = undefined;
    } catch (error) {
      failure = error;
    } finally {
      loading = undefined;
    }
  }

  /** One fetch at a time, whoever waits for it. Never rejects. */
  function loadUnlessAsked(withinMs: number): Promise<void> {
    if (loading === undefined && monotonicNow() - askedAt >= withinMs) loading = load();
    return loading ?? Promise.resolve();
  }

  return async (header, token) => {
    if (keys === undefined) await loadUnlessAsked(FIRST_RETRY_MS);
    if (keys === undefined) throw unavailable(failure);
    if (monotonicNow() - loadedAt >= FRESH_MS) void loadUnlessAsked(COOLDOWN_MS);
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await loadUnlessAsked(COOLDOWN_MS);
      if (failure !== undefined) throw unavailable(failure);
      return keys(header, token);
    }
  };
}
