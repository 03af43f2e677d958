import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type CounterName,
  fromHeader,
  fromJwt,
  fromPath,
  fromResolver,
  fromSubdomain,
  type TenantSource,
} from '../../src/middleware/index.ts';
import { findTenant } from '../../src/middleware/tenant-source.ts';

function ask(sources: readonly TenantSource[], headers: Record<string, string | string[]> = {}, url = '/') {
  const counted: CounterName[] = [];
  const found = findTenant(sources, { headers, url, request: undefined }, (name) => counted.push(name));
  return { found, counted };
}

describe('header', () => {
  it('takes a well-formed id and counts a malformed one', () => {
    expect(ask([fromHeader('X-Tenant')], { 'x-tenant': 'acme' }).found).toEqual({ tenantId: 'acme', source: 'header' });
    const bad = ask([fromHeader('x-tenant')], { 'x-tenant': '../etc' });
    expect(bad).toEqual({ found: undefined, counted: ['tenant_malformed'] });
  });

  it('takes no id from a header sent twice, which Node joins with a comma', () => {
    expect(ask([fromHeader('x-tenant')], { 'x-tenant': 'acme, beta' }).found).toBeUndefined();
  });
});

describe('subdomain', () => {
  const source = fromSubdomain({ baseDomain: 'Example.com' });
  it.each([
    ['acme.example.com', 'acme'],
    ['ACME.example.com:8080', 'acme'],
    ['acme.example.com.', 'acme'],
    ['example.com', undefined],
    ['www.example.com', undefined],
    ['a.b.example.com', undefined],
    ['acme.example.com.evil.net', undefined],
    ['acmeexample.com', undefined],
    ['', undefined],
  ])('%s -> %s', (host, tenantId) => {
    const { found } = ask([source], { host });
    expect(found).toEqual(tenantId === undefined ? undefined : { tenantId, source: 'subdomain' });
  });
});

describe('path', () => {
  it.each([
    ['/t/:tenant/*', '/t/acme/orders?x=1', 'acme'],
    ['/t/:tenant/*', '/t/acme', 'acme'],
    ['/t/:tenant/*', '/u/acme/orders', undefined],
    ['/t/:tenant', '/t/acme/orders', undefined],
    ['/:version/:tenant/*', '/v1/acme/orders', 'acme'],
    ['/t/:tenant/*', '/t/ac%40me/orders', 'ac@me'],
    ['/t/:tenant/*', '/t/..%2fetc/orders', undefined],
  ])('%s on %s -> %s', (pattern, url, tenantId) => {
    const { found } = ask([fromPath(pattern)], {}, url);
    expect(found).toEqual(tenantId === undefined ? undefined : { tenantId, source: 'path' });
  });

  it('calls a path that cannot be decoded malformed, not a failure: the caller alone can bring it about', () => {
    expect(ask([fromPath('/t/:tenant')], {}, '/t/%E0%A4%A')).toEqual({
      found: undefined,
      counted: ['tenant_malformed'],
    });
  });

  it('refuses a pattern without a tenant', () => {
    expect(() => fromPath('/t/*')).toThrow(RangeError);
  });
});

describe('order', () => {
  it('takes the first source that names a well-formed tenant, sync or async, past those that fail', async () => {
    const sources = [
      fromResolver(() => {
        throw new Error('down');
      }),
      fromResolver(() => Promise.reject(new Error('down too'))),
      fromResolver(async () => ({ tenantId: 'no good' })),
      fromHeader('x-none'),
      fromResolver(async () => ({ tenantId: 'acme', plan: 'team' })),
      fromHeader('x-tenant'),
    ];
    const { found, counted } = ask(sources, { 'x-tenant': 'beta' });
    expect(await found).toEqual({ tenantId: 'acme', source: 'resolver', plan: 'team' });
    expect(counted).toEqual(['tenant_source_failed', 'tenant_source_failed', 'tenant_malformed']);
  });

  it('stays synchronous when no asynchronous source is asked', () => {
    const { found } = ask([fromHeader('x-tenant'), fromResolver(async () => 'late')], { 'x-tenant': 'acme' });
    expect(found).not.toBeInstanceOf(Promise);
  });

  it('never looks at baggage', async () => {
    const baggage = Array.from({ length: 64 }, () => 'tenant_id=victim,tenant.id=victim');
    const { found } = ask([fromHeader('x-tenant'), fromSubdomain({ baseDomain: 'example.com' })], {
      baggage,
      host: 'acme.example.com',
    });
    expect(await found).toEqual({ tenantId: 'acme', source: 'subdomain' });
  });
});

describe('jwt', () => {
  const secret = new TextEncoder().encode('a secret of thirty-two characters');
  const options = { key: secret, issuer: 'https://id.example.com', audience: 'shop', claim: 'org', planClaim: 'plan' };
  const token = (claims: Record<string, unknown> = { org: 'acme', plan: 'team' }, alg = 'HS256') =>
    new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 300, ...claims })
      .setProtectedHeader({ alg })
      .setIssuer(options.issuer)
      .setAudience(options.audience);
  const bearer = async (jwt: string, source = fromJwt(options)) => {
    const { found, counted } = ask([source], { authorization: `Bearer ${jwt}` });
    return { tenant: await found, counted };
  };
  const refused = { tenant: undefined, counted: ['jwt_rejected'] };
  let pair: Awaited<ReturnType<typeof generateKeyPair>>;
  beforeAll(async () => {
    pair = await generateKeyPair('ES256', { extractable: true });
  });

  it('takes the claim of a token that verifies', async () => {
    expect(await bearer(await token().sign(secret))).toEqual({
      tenant: { tenantId: 'acme', source: 'jwt', plan: 'team' },
      counted: [],
    });
  });

  it('verifies asymmetric tokens with a public key', async () => {
    const jwk = { ...(await exportJWK(pair.publicKey)), kty: 'EC' };
    const signed = await token(undefined, 'ES256').sign(pair.privateKey);
    const source = fromJwt({ ...options, key: jwk });
    expect((await bearer(signed, source)).tenant?.tenantId).toBe('acme');
  });

  it('refuses a token signed with HS256 by the bytes of the public key (algorithm confusion)', async () => {
    const jwk = { ...(await exportJWK(pair.publicKey)), kty: 'EC' };
    const forged = await token().sign(new TextEncoder().encode(JSON.stringify(jwk)));
    expect(await bearer(forged, fromJwt({ ...options, key: jwk }))).toEqual(refused);
  });

  it('refuses alg none', async () => {
    const unsigned = new UnsecuredJWT({ org: 'victim' })
      .setIssuer(options.issuer)
      .setAudience(options.audience)
      .setExpirationTime('5m')
      .encode();
    expect(await bearer(unsigned)).toEqual(refused);
  });

  it.each([
    ['a wrong key', () => token().sign(new TextEncoder().encode('another secret of thirty-two chars'))],
    [
      'an expired token',
      () =>
        token()
          .setExpirationTime(Math.floor(Date.now() / 1_000) - 60)
          .sign(secret),
    ],
    ['a wrong issuer', () => token().setIssuer('https://evil.example').sign(secret)],
    ['a wrong audience', () => token().setAudience('other').sign(secret)],
    ['no such claim', () => token({ plan: 'team' }).sign(secret)],
    ['another algorithm', () => token(undefined, 'HS512').sign(new Uint8Array(64).fill(7))],
    ['garbage', () => Promise.resolve('a.b.c')],
    ['a token of 9 KB', () => token({ org: 'acme', more: 'x'.repeat(9_000) }).sign(secret)],
  ])('refuses %s', async (_name, make) => {
    expect(await bearer(await make())).toEqual(refused);
  });

  it('refuses a token without an end', async () => {
    const endless = await new SignJWT({ org: 'acme' })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(options.issuer)
      .setAudience(options.audience)
      .sign(secret);
    expect(await bearer(endless)).toEqual(refused);
  });

  it.each([null, true, {}, ['acme']])('takes no id from a claim that is %j', async (org) => {
    const { tenant, counted } = await bearer(await token({ org }).sign(secret));
    expect(tenant).toBeUndefined();
    expect(counted).toEqual(['tenant_malformed']);
  });

  it('takes a number for an id', async () => {
    expect((await bearer(await token({ org: 4711 }).sign(secret))).tenant?.tenantId).toBe('4711');
  });

  it('calls an unreachable key server a failure of the source, not of the token', async () => {
    const { key: _key, ...rest } = options;
    const source = fromJwt({ ...rest, jwksUrl: 'http://127.0.0.1:9/jwks' });
    const signed = await token(undefined, 'ES256').sign(pair.privateKey);
    expect(await bearer(signed, source)).toEqual({ tenant: undefined, counted: ['tenant_source_failed'] });
  });

  it('asks nothing of a request without a token', () => {
    expect(ask([fromJwt(options)], { authorization: 'Basic abc' })).toEqual({ found: undefined, counted: [] });
  });

  it('needs exactly one of key and jwksUrl', () => {
    const { key: _key, ...rest } = options;
    expect(() => fromJwt(rest)).toThrow(RangeError);
    expect(() => fromJwt({ ...options, jwksUrl: 'https://id.example.com/jwks' })).toThrow(RangeError);
  });
});
