import { createHash } from 'node:crypto';
import { exportJWK, type JWK } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mayVerify } from '../../src/api/jwt-key-strength.ts';
import { createJwksVerifier, type TokenVerifier } from '../../src/api/tokens.ts';
import { START } from '../support/api-harness.ts';
import {
  AUDIENCE,
  claims,
  ISSUER,
  type KeySetServer,
  makeSigningKey,
  type SigningKey,
  startKeySet,
} from '../support/edge-identity.ts';

const MINUTE = 60_000;
const ADMIN = claims({ role: 'admin' });

let first: SigningKey;
let second: SigningKey;
let keySet: KeySetServer;
let verifier: TokenVerifier;
let clock: number;

beforeEach(async () => {
  first = await makeSigningKey('first');
  second = await makeSigningKey('second');
  keySet = await startKeySet([first.publicJwk]);
  clock = 0;
  const config = { jwksUrl: keySet.url, issuer: ISSUER, audience: AUDIENCE };
  verifier = createJwksVerifier(config, () => START, { monotonicNow: () => clock });
});
afterEach(() => keySet.close());

const isGood = async (key: SigningKey) => (await verifier.verify(await key.sign(ADMIN))) !== undefined;
const DOWN = { status: 500, body: 'down' };

test('keys are fetched once, however many ask at the same time', async () => {
  const tokens = await Promise.all(Array.from({ length: 20 }, () => first.sign(ADMIN)));
  const grants = await Promise.all(tokens.map((token) => verifier.verify(token)));
  expect(grants.every((grant) => grant !== undefined)).toBe(true);
  expect(keySet.asked).toBe(1);
});

test('a key that is new at the provider is taken at once, and unknown ids do not hammer it', async () => {
  expect(await isGood(first)).toBe(true);
  clock = MINUTE;
  keySet.answer.body = { keys: [first.publicJwk, second.publicJwk] };
  expect(await isGood(second)).toBe(true);
  expect(keySet.asked).toBe(2);
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const forged = await second.sign(ADMIN, { kid: `unknown-${attempt}` });
    expect(await verifier.verify(forged)).toBeUndefined();
  }
  expect(keySet.asked).toBe(2);
  clock += 30_000;
  expect(await verifier.verify(await second.sign(ADMIN, { kid: 'unknown' }))).toBeUndefined();
  expect(keySet.asked).toBe(3);
});

test.each([
  ['an error', DOWN],
  ['no JSON', { status: 200, body: '<html>' }],
  ['no keys', { status: 200, body: { keys: [] } }],
  ['something else', { status: 200, body: { error: 'nope' } }],
  ['too much', { status: 200, body: JSON.stringify({ keys: [], padding: 'x'.repeat(300_000) }) }],
  ['a redirect', { status: 302, body: '', headers: { location: 'http://127.0.0.1:9/' } }],
])('while the provider answers %s, the keys that were had go on working', async (_name, answer) => {
  expect(await isGood(first)).toBe(true);
  keySet.answer = answer;
  clock = 60 * MINUTE;
  expect(await isGood(first)).toBe(true);
  await expect.poll(() => keySet.asked).toBe(2);
  expect(await isGood(first)).toBe(true);
  clock += MINUTE;
  // It may be a new key, which cannot be told now.
  await expect(isGood(second)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(keySet.asked).toBe(3);
});

test('without any keys nobody is told that a token is bad, and the provider is asked once a second', async () => {
  keySet.answer = DOWN;
  for (let attempt = 0; attempt < 10; attempt += 1) {
    await expect(isGood(first)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  }
  expect(keySet.asked).toBe(1);
  clock = 1_000;
  keySet.answer = { status: 200, body: { keys: [first.publicJwk] } };
  expect(await isGood(first)).toBe(true);
});

test('a key that the provider took back is out with the next fetch', async () => {
  expect(await isGood(first)).toBe(true);
  keySet.answer.body = { keys: [second.publicJwk] };
  clock = 5 * MINUTE;
  await isGood(first);
  await expect.poll(() => isGood(first)).toBe(false);
  expect(await isGood(second)).toBe(true);
});

test('without a key id every key that fits is tried', async () => {
  keySet.answer.body = { keys: [first.publicJwk, second.publicJwk] };
  const third = await makeSigningKey('third');
  const nameless = (key: SigningKey) => key.sign(ADMIN, { kid: undefined });
  expect(await verifier.verify(await nameless(second))).toBeDefined();
  expect(await verifier.verify(await nameless(third))).toBeUndefined();
});

/** By the public half alone: with the exponent 1 a signature is its own message, padded (RFC 8017, 9.2). */
function forgedForExponentOne(claims: object, { kid, n = '' }: JWK): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'RS256', typ: 'JWT', kid })}.${part(claims)}`;
  const hash = Buffer.concat([
    Buffer.from('3031300d060960864801650304020105000420', 'hex'),
    createHash('sha256').update(signed).digest(),
  ]);
  const padding = Buffer.alloc(Buffer.from(n, 'base64url').length - hash.length - 3, 0xff);
  const signature = Buffer.concat([Buffer.from([0, 1]), padding, Buffer.from([0]), hash]);
  return `${signed}.${signature.toString('base64url')}`;
}

test('keys by which anybody could sign are left out, and the others of the set are used', async () => {
  const strong = await makeSigningKey('strong', 'RS256');
  const { n = '', e = '' } = strong.publicJwk;
  const base64 = (hex: string) => Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
  const rsa = (changes: object) => ({ kty: 'RSA', alg: 'RS256', use: 'sig', kid: 'weak', n, e, ...changes });
  const weak: [string, JWK][] = [
    ['a secret for HMAC', { kty: 'oct', k: 'c2VjcmV0', kid: 'weak' }],
    ['a private half', { ...first.publicJwk, d: 'AAAA', kid: 'weak' }],
    ['a short modulus', rsa({ n: n.slice(0, 171) })],
    ['the exponent 1', rsa({ e: 'AQ' })],
    ['an even exponent', rsa({ e: 'Ag' })],
    ['no exponent', rsa({ e: undefined })],
    // A power of 65537 is one modulo every prime, too: what the test for the flaw of 2017 looks for.
    ['a modulus of the kind whose primes can be found', rsa({ n: base64((65_537n ** 129n).toString(16)) })],
  ];
  for (const [what, key] of weak) expect([what, mayVerify(key)]).toEqual([what, false]);
  for (const key of [strong.publicJwk, first.publicJwk, second.publicJwk]) expect(mayVerify(key)).toBe(true);

  keySet.answer.body = { keys: [...weak.map(([, key]) => key), first.publicJwk] };
  expect(await isGood(first)).toBe(true);
  const leaked = await makeSigningKey('leaked');
  const { privateKey } = leaked;
  keySet.answer.body = { keys: [{ ...(await exportJWK(privateKey)), kid: 'leaked', alg: 'ES256' }, first.publicJwk] };
  clock += 6 * MINUTE;
  expect(await isGood(first)).toBe(true);
  clock += MINUTE;
  expect(await isGood(leaked)).toBe(false);

  const open: JWK = rsa({ e: 'AQ', kid: 'open' });
  keySet.answer.body = { keys: [open, first.publicJwk] };
  clock += 6 * MINUTE;
  expect(await isGood(first)).toBe(true);
  clock += MINUTE;
  expect(await verifier.verify(forgedForExponentOne(ADMIN, open))).toBeUndefined();
});
