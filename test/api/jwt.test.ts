import { CompactSign, FlattenedSign, GeneralSign, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createJwksVerifier } from '../../src/api/tokens.ts';
import { type ApiUnderTest, bearer, START, startApi } from '../support/api-harness.ts';
import {
  AUDIENCE,
  claims,
  ISSUER,
  type KeySetServer,
  makeSigningKey,
  SECONDS,
  type SigningKey,
  startKeySet,
} from '../support/edge-identity.ts';

let api: ApiUnderTest;
let ec: SigningKey;
let rsa: SigningKey;
let foreign: SigningKey;
let keySet: KeySetServer;
let foreignSet: KeySetServer;

beforeAll(async () => {
  ec = await makeSigningKey('ec-1');
  rsa = await makeSigningKey('rsa-1', 'RS256');
  foreign = await makeSigningKey('foreign-1');
  keySet = await startKeySet([ec.publicJwk, rsa.publicJwk]);
  foreignSet = await startKeySet([foreign.publicJwk]);
  api = await startApi({ jwt: { jwksUrl: keySet.url, issuer: ISSUER, audience: AUDIENCE } });
});
afterAll(async () => {
  await api.close();
  await keySet.close();
  await foreignSet.close();
});

const admin = (changes: Record<string, unknown> = {}) => claims({ role: 'admin', ...changes });
const base64url = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const parts = (token: string) => token.split('.') as [string, string, string];

function whoAmI(token: string) {
  return api.app.inject({ url: '/v1/whoami', headers: { ...bearer(token), 'x-request-id': 'jwt' } });
}

async function hmac(secret: Uint8Array, header: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT(admin()).setProtectedHeader({ alg: 'HS256', kid: 'rsa-1', ...header }).sign(secret);
}

async function pem(key: SigningKey): Promise<Uint8Array> {
  const { exportSPKI } = await import('jose');
  return new TextEncoder().encode(await exportSPKI(key.publicKey));
}

/** A good signature over bytes that no library would put into a token. */
function signedBytes(payload: string): Promise<string> {
  return new CompactSign(new TextEncoder().encode(payload))
    .setProtectedHeader({ alg: 'ES256', kid: 'ec-1' })
    .sign(ec.privateKey);
}

/** Each must be answered as if there were no token at all. */
const FORGERIES: Record<string, () => Promise<string> | string> = {
  'algorithm none': () => `${base64url({ alg: 'none' })}.${base64url(admin())}.`,
  'algorithm None': () => `${base64url({ alg: 'None' })}.${base64url(admin())}.`,
  'algorithm none with a good signature': async () => {
    const [, payload, signature] = parts(await ec.sign(admin()));
    return `${base64url({ alg: 'none', kid: 'ec-1' })}.${payload}.${signature}`;
  },
  ...Object.fromEntries(
    ['NONE', 'nOnE', ' none', 'none ', 'n\u006fne\u0000', ''].map((alg) => [
      `algorithm ${JSON.stringify(alg)}`,
      () => `${base64url({ alg })}.${base64url(admin())}.`,
    ]),
  ),
  'no algorithm': async () =>
    `${base64url({ kid: 'ec-1' })}.${parts(await ec.sign(admin()))
      .slice(1)
      .join('.')}`,
  'an algorithm that is no text': async () =>
    `${base64url({ alg: ['ES256'], kid: 'ec-1' })}.${parts(await ec.sign(admin()))
      .slice(1)
      .join('.')}`,
  'the algorithm of a curve that the key is not on': async () =>
    `${base64url({ alg: 'ES384', kid: 'ec-1' })}.${parts(await ec.sign(admin()))
      .slice(1)
      .join('.')}`,
  'HMAC with the public key (PEM) as secret': async () => hmac(await pem(rsa)),
  'HMAC with the public key (JWK) as secret': () => hmac(new TextEncoder().encode(JSON.stringify(rsa.publicJwk))),
  'HMAC with the modulus as secret': () => hmac(Buffer.from(String(rsa.publicJwk.n), 'base64url')),
  'HMAC with an empty secret': () => hmac(new Uint8Array(32)),
  'RS256 in the header of an ES256 token': async () => {
    const [, payload, signature] = parts(await ec.sign(admin()));
    return `${base64url({ alg: 'RS256', kid: 'ec-1' })}.${payload}.${signature}`;
  },
  'another audience': () => ec.sign(admin({ aud: 'another-service' })),
  'no audience': () => ec.sign(admin({ aud: undefined })),
  'an audience that begins like ours': () => ec.sign(admin({ aud: `${AUDIENCE}-2` })),
  'another issuer': () => ec.sign(admin({ iss: 'https://evil.example.test/' })),
  'no issuer': () => ec.sign(admin({ iss: undefined })),
  'our issuer without its slash': () => ec.sign(admin({ iss: ISSUER.slice(0, -1) })),
  expired: () => ec.sign(admin({ exp: SECONDS - 61 })),
  'no expiry': () => ec.sign(admin({ exp: undefined })),
  'an expiry in words': () => ec.sign(admin({ exp: String(SECONDS + 600) })),
  'an expiry that is no number': async () => {
    const [header, , signature] = parts(await ec.sign(admin()));
    return `${header}.${base64url(JSON.stringify(admin()).replace(/"exp":\d+/, '"exp":1e999'))}.${signature}`;
  },
  'a beginning in words': () => ec.sign(admin({ nbf: String(SECONDS) })),
  'a time of issue in words': () => ec.sign(admin({ iat: new Date(START).toISOString() })),
  'an expiry in milliseconds of the past': () => ec.sign(admin({ exp: -START })),
  'two audiences, neither ours': () => ec.sign(admin({ aud: ['x', [AUDIENCE]] })),
  'an issuer in a list': () => ec.sign(admin({ iss: [ISSUER] })),
  'not valid yet': () => ec.sign(admin({ nbf: SECONDS + 61 })),
  'issued in the future': () => ec.sign(admin({ iat: SECONDS + 61 })),
  'no time of issue': () => ec.sign(admin({ iat: undefined })),
  'issued more than a day ago, for a year': () => ec.sign(admin({ iat: SECONDS - 86_461, exp: SECONDS + 31_536_000 })),
  huge: () => ec.sign(admin({ padding: 'x'.repeat(8_192) })),
  'a token in a token': async () => {
    const inner = await ec.sign(admin());
    const outer = await new FlattenedSign(new TextEncoder().encode(inner))
      .setProtectedHeader({ alg: 'ES256', kid: 'foreign-1', cty: 'JWT' })
      .sign((await generateKeyPair('ES256')).privateKey);
    return `${outer.protected}.${outer.payload}.${outer.signature}`;
  },
  'deeply nested claims': async () => {
    const [header, , signature] = parts(await ec.sign(admin()));
    return `${header}.${base64url(`{"role":${'['.repeat(2_500)}${']'.repeat(2_500)}}`)}.${signature}`;
  },
  'an unknown key id': () => foreign.sign(admin()),
  'a known key id on a foreign key': () => foreign.sign(admin(), { kid: 'ec-1' }),
  'a key id that is a path': () => foreign.sign(admin(), { kid: '../../../../dev/null' }),
  'a key id that is SQL': () => foreign.sign(admin(), { kid: "x' UNION SELECT 'secret'--" }),
  'a key id that is no text': () => foreign.sign(admin(), { kid: ['ec-1'] }),
  'a key by jku': () => foreign.sign(admin(), { jku: foreignSet.url }),
  'a key by x5u': () => foreign.sign(admin(), { x5u: foreignSet.url }),
  'a key in the header, under a known id': () => foreign.sign(admin(), { jwk: foreign.publicJwk, kid: 'ec-1' }),
  'a certificate in the header': () => foreign.sign(admin(), { x5c: ['MIIB'], 'x5t#S256': 'AAAA', kid: 'ec-1' }),
  'a key in the header': () => foreign.sign(admin(), { jwk: foreign.publicJwk }),
  'a key in the header, without an id': () => foreign.sign(admin(), { jwk: foreign.publicJwk, kid: undefined }),
  'an unknown critical header': async () => {
    const [, payload, signature] = parts(await ec.sign(admin()));
    return `${base64url({ alg: 'ES256', kid: 'ec-1', crit: ['exp'], exp: 1 })}.${payload}.${signature}`;
  },
  'a critical header that jose knows': () => ec.sign(admin(), { crit: ['b64'], b64: true }),
  'a payload that is not encoded (b64=false)': async () => {
    const signed = await new FlattenedSign(new TextEncoder().encode(JSON.stringify(admin())))
      .setProtectedHeader({ alg: 'ES256', kid: 'ec-1', b64: false, crit: ['b64'] })
      .sign(ec.privateKey);
    return `${signed.protected}.${base64url(admin())}.${signed.signature}`;
  },
  'signed claims that are a list': () => signedBytes(JSON.stringify([admin()])),
  'signed claims that are a text': () => signedBytes('"admin"'),
  'signed claims that are no JSON': () => signedBytes(`${JSON.stringify(admin())}}`),
  'a claim twice, the second one wrong': () =>
    signedBytes(JSON.stringify(admin()).replace(/}$/, ',"aud":"another-service"}')),
  'an empty list of critical headers': () => foreign.sign(admin(), { kid: 'ec-1', crit: [] }).catch(() => 'a.b.c'),
  'two signatures in JSON': async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const signed = await new GeneralSign(new TextEncoder().encode(JSON.stringify(admin())))
      .addSignature(privateKey)
      .setProtectedHeader({ alg: 'ES256', kid: 'ec-1' })
      .addSignature(privateKey)
      .setProtectedHeader({ alg: 'ES256' })
      .sign();
    return JSON.stringify(signed);
  },
  'a good token in JSON': async () => {
    const [header, payload, signature] = parts(await ec.sign(admin()));
    return JSON.stringify({ protected: header, payload, signature });
  },
  'no header': async () =>
    `.${parts(await ec.sign(admin()))
      .slice(1)
      .join('.')}`,
  'no payload': async () => {
    const [header, , signature] = parts(await ec.sign(admin()));
    return `${header}..${signature}`;
  },
  'no signature': async () =>
    `${parts(await ec.sign(admin()))
      .slice(0, 2)
      .join('.')}.`,
  'two parts': async () =>
    parts(await ec.sign(admin()))
      .slice(0, 2)
      .join('.'),
  'five parts, as encrypted tokens have': async () => `${await ec.sign(admin())}.AAAA.AAAA`,
  dots: () => '..',
  'changed claims': async () => {
    const [header, , signature] = parts(await ec.sign(claims({ role: 'viewer', tenant_id: 'acme' })));
    return `${header}.${base64url(admin())}.${signature}`;
  },
  'a signature of zeros (CVE-2022-21449)': async () =>
    `${parts(await ec.sign(admin()))
      .slice(0, 2)
      .join('.')}.${Buffer.alloc(64).toString('base64url')}`,
  'a signature in DER': async () =>
    `${parts(await ec.sign(admin()))
      .slice(0, 2)
      .join('.')}.${Buffer.from('3006020101020101', 'hex').toString('base64url')}`,
  'letters that look like ours': async () => (await ec.sign(admin())).replace('eyJ', 'еyJ'),
  'a zero-width space in it': async () => `${(await ec.sign(admin())).slice(0, 20)}\u200b`,
  'a header that is no JSON': async () => `${base64url('{"alg":"ES256"')}.${parts(await ec.sign(admin()))[1]}.AAAA`,
  'a header that is a list': async () => `${base64url('[]')}.${parts(await ec.sign(admin()))[1]}.AAAA`,
  'another type': () => ec.sign(admin(), { typ: 'logout+jwt' }),
  'the type of our tokens for frames': () => ec.sign(admin(), { typ: 'tenantry-embed+jwt' }),
  'the issuer for development': () => ec.sign(admin({ iss: 'urn:tenantry:dev-issuer', aud: 'tenantry', jti: 'x' })),
};

describe('a forged token', () => {
  test('is a forgery of tokens that would be good', async () => {
    for (const key of [ec, rsa])
      expect((await whoAmI(await key.sign(admin()))).json()).toMatchObject({ role: 'admin' });
    expect((await whoAmI(await signedBytes(JSON.stringify(admin())))).json()).toMatchObject({ role: 'admin' });
    expect(Object.keys(FORGERIES).length).toBeGreaterThanOrEqual(70);
  });

  test.each(Object.keys(FORGERIES))('with %s is answered as no token is', async (name) => {
    const token = (await FORGERIES[name]?.()) ?? '';
    const nothing = await api.app.inject({ url: '/v1/whoami', headers: { 'x-request-id': 'jwt' } });
    // Headers carry bytes: what is more than a byte arrives as several, as it does from a client that sends UTF-8.
    const answer = await whoAmI(Buffer.from(token).toString('latin1'));
    expect([answer.statusCode, answer.body]).toEqual([401, nothing.body]);
    expect(nothing.statusCode).toBe(401);
  });

  test('never makes the server ask an address that the token names', () => {
    expect(foreignSet.asked).toBe(0);
  });

  test('is counted by what is wrong with it, for whoever sets a provider up', async () => {
    const counted = async (reason: string) => {
      const metric = api.ports.registry.getSingleMetric('tenantry_api_tokens_refused_total');
      const { values = [] } = (await metric?.get()) ?? {};
      return values.find(({ labels }) => labels['reason'] === reason)?.value ?? 0;
    };
    const cases: [string, string][] = [
      ['audience', await ec.sign(admin({ aud: 'another' }))],
      ['issuer', await ec.sign(admin({ iss: 'https://elsewhere.test/' }))],
      ['time', await ec.sign(admin({ exp: SECONDS - 61 }))],
      ['signature', await foreign.sign(admin(), { kid: 'ec-1' })],
      ['key', await foreign.sign(admin())],
      ['algorithm', await hmac(await pem(rsa))],
      ['header', await ec.sign(admin(), { typ: 'logout+jwt' })],
      ['claims', await signedBytes('[]')],
      [
        'form',
        `${parts(await ec.sign(admin()))
          .slice(0, 2)
          .join('.')}.***`,
      ],
    ];
    for (const [reason, token] of cases) {
      const before = await counted(reason);
      await whoAmI(token);
      expect([reason, await counted(reason)]).toEqual([reason, before + 1]);
    }
  });

  test('leaves nothing of itself in the log', async () => {
    const token = await ec.sign(admin({ aud: 'canary-audience', sub: 'canary-subject' }));
    await whoAmI(token);
    const log = api.logLines.join('');
    expect(log).toContain('/v1/whoami');
    for (const secret of [...parts(token), 'canary']) expect(log).not.toContain(secret);
  });
});

describe('algorithms', () => {
  test.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('%s is believed', async (alg) => {
    const key = await makeSigningKey('k', alg);
    const set = await startKeySet([key.publicJwk]);
    const verifier = createJwksVerifier({ jwksUrl: set.url, issuer: ISSUER, audience: AUDIENCE }, () => START);
    expect((await verifier.verify(await key.sign(admin())))?.actor).toMatchObject({ subject: 'user-1', role: 'admin' });
    await set.close();
  });

  test('those that are left out of the list are not', async () => {
    const config = { jwksUrl: keySet.url, issuer: ISSUER, audience: AUDIENCE, algorithms: ['RS256', 'HS256', 'none'] };
    const verifier = createJwksVerifier(config, () => START);
    expect(await verifier.verify(await ec.sign(admin()))).toBeUndefined();
    expect(await verifier.verify(await rsa.sign(admin()))).toBeDefined();
    expect(await verifier.verify(await hmac(await pem(rsa)))).toBeUndefined();
  });
});

test('the clock skew and the greatest age are settings', async () => {
  const config = { jwksUrl: keySet.url, issuer: ISSUER, audience: AUDIENCE };
  const old = await ec.sign(admin({ iat: SECONDS - 200_000, exp: SECONDS + 10 }));
  const late = await ec.sign(admin({ exp: SECONDS - 1 }));
  const strict = createJwksVerifier({ ...config, clockSkewSeconds: 0 }, () => START);
  expect([await strict.verify(old), await strict.verify(late)]).toEqual([undefined, undefined]);
  const patient = createJwksVerifier({ ...config, maxAgeSeconds: 0 }, () => START);
  expect([await patient.verify(old), await patient.verify(late)]).toEqual([expect.anything(), expect.anything()]);
});
