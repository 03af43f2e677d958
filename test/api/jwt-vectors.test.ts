// Published test vectors (Wycheproof) through the verifier that the API uses. Their payloads are no claims, so none of
// them may open anything; how far each comes is told by the reason for which it is refused: `claims` means that the
// signature was taken.
import { existsSync, readFileSync } from 'node:fs';
import type { JWK } from 'jose';
import { expect, test } from 'vitest';
import { createJwksVerifier, type TokenRefusal } from '../../src/api/tokens.ts';
import { START } from '../support/api-harness.ts';
import { AUDIENCE, ISSUER, type KeySetServer, startKeySet } from '../support/edge-identity.ts';

const FOLDER = new URL('../../../shared/data/hostile/jwt/', import.meta.url);

interface Vector {
  readonly tcId: number;
  readonly jws: unknown;
  readonly result: 'valid' | 'invalid';
}
interface Group {
  readonly public?: JWK | { readonly keys: readonly JWK[] };
  readonly private?: JWK | { readonly keys: readonly JWK[] };
  readonly tests: readonly Vector[];
}
type Outcome = TokenRefusal | 'unavailable' | 'BELIEVED';

function readGroups(file: string): readonly Group[] | undefined {
  const path = new URL(file, FOLDER);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { testGroups: Group[] }).testGroups : undefined;
}

async function outcomeOf(set: KeySetServer, jws: unknown): Promise<Outcome> {
  let reason: TokenRefusal | undefined;
  const verifier = createJwksVerifier({ jwksUrl: set.url, issuer: ISSUER, audience: AUDIENCE }, () => START, {
    onRefused: (given) => {
      reason = given;
    },
  });
  try {
    const grant = await verifier.verify(typeof jws === 'string' ? jws : JSON.stringify(jws));
    return grant === undefined ? (reason ?? 'BELIEVED') : 'BELIEVED';
  } catch (error) {
    // A set without one key that may be used is as good as none.
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    return 'unavailable';
  }
}

/** Numbers of the vectors, by what the verifier said and what the vector says it must be. */
async function run(groups: readonly Group[]): Promise<Map<`${Vector['result']} ${Outcome}`, number[]>> {
  const found = new Map<`${Vector['result']} ${Outcome}`, number[]>();
  for (const group of groups) {
    const given = group.public ?? group.private ?? { keys: [] };
    const set = await startKeySet('keys' in given && Array.isArray(given.keys) ? given.keys : [given as JWK]);
    for (const { tcId, jws, result } of group.tests) {
      const kind = `${result} ${await outcomeOf(set, jws)}` as const;
      found.set(kind, [...(found.get(kind) ?? []), tcId]);
    }
    await set.close();
  }
  return found;
}

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('signatures: every valid one of an algorithm that we take is taken, no other is', async (context) => {
  const groups = readGroups('json_web_signature_test.json');
  if (groups === undefined) return context.skip('the published vectors are not beside this checkout');
  const found = await run(groups);
  const total = [...found.values()].flat().length;
  expect(total).toBe(401);
  const valid = Object.fromEntries([...found].filter(([kind]) => kind.startsWith('valid ')));
  expect(valid).toEqual({
    'valid claims': [
      ...[18, 33],
      ...range(259, 275),
      ...[287, 288],
      ...range(320, 323),
      ...range(325, 328),
      ...[345, 349, 378],
    ],
    // HMAC, whose secret would be on a public page.
    'valid algorithm': [1, 348, 352, 357, 358, 359, 373, 376, 377],
    // HMAC again, and its header holds a character that base64url does not.
    'valid form': [372],
    // The key is meant for another algorithm than the token names: PS256 and "ES521" for PS384 and ES512.
    'valid key': [346, 347, 350, 351],
  });
  const invalid = Object.fromEntries(
    [...found].filter(([kind]) => kind.startsWith('invalid ')).map(([kind, ids]) => [kind.slice(8), ids.length]),
  );
  expect(Object.values(invalid).reduce((sum, count) => sum + count, 0)).toBe(355);
  // What was refused at the claims alone would have had a good signature; what was believed, everything.
  for (const taken of ['claims', 'issuer', 'audience', 'time', 'header', 'BELIEVED']) {
    expect([taken, invalid[taken] ?? 0]).toEqual([taken, 0]);
  }
  expect(invalid['signature']).toBeGreaterThan(250);
});

test('key sets: keys that prove nothing are left out, whatever is signed with them', async (context) => {
  const groups = readGroups('json_web_key_test.json');
  if (groups === undefined) return context.skip('the published vectors are not beside this checkout');
  const found = await run(groups);
  expect([...found.values()].flat()).toHaveLength(26);
  expect(found.get('valid claims')).toEqual([5]);
  // HMAC.
  expect(found.get('valid algorithm')).toEqual([2, 13, 14, 15]);
  for (const kind of ['invalid claims', 'invalid BELIEVED', 'valid BELIEVED'] as const) {
    expect([kind, found.get(kind)]).toEqual([kind, undefined]);
  }
  // Among them: a modulus whose primes can be found (7), 1,024 bits (8), the exponent 1 (9).
  expect(found.get('invalid unavailable')).toEqual(expect.arrayContaining([7, 8, 9]));
});
