/** Words about a tenant that count only when the right peer says them. */
import { describe, expect, it } from 'vitest';
import { type CounterName, fromBaggage, fromHeader, type TenantSource } from '../../src/middleware/index.ts';
import { findTenant } from '../../src/middleware/tenant-source.ts';

function ask(source: TenantSource, address: string | undefined, headers: Record<string, string | string[]>) {
  const counted: CounterName[] = [];
  const request = { headers, url: '/', request: undefined, peerAddress: () => address };
  return { tenant: findTenant([source], request, (name) => counted.push(name)), counted };
}

const NETWORKS = ['10.0.0.0/8', '192.168.7.7', 'fd00::/8', '::1'];
const PEERS: [string | undefined, boolean][] = [
  ['10.1.2.3', true],
  ['::ffff:10.1.2.3', true],
  ['::FFFF:10.1.2.3', true],
  ['11.0.0.1', false],
  ['192.168.7.7', true],
  ['192.168.7.8', false],
  ['fd12:3456::1', true],
  ['fd12:3456::1%eth0', true],
  ['fe80::1', false],
  ['::1', true],
  ['127.0.0.1', false],
  ['10.1.2.3, 11.0.0.1', false],
  ['', false],
  [undefined, false],
];

describe('a header', () => {
  const source = fromHeader('X-Tenant', { trusted: NETWORKS, planHeader: 'X-Plan', userHeader: 'X-User' });
  const headers = { 'x-tenant': 'acme', 'x-plan': 'team', 'x-user': 'u1', 'x-forwarded-for': '10.1.2.3' };

  it.each(PEERS)('from %s is believed: %s', (address, believed) => {
    expect(ask(source, address, headers)).toEqual(
      believed
        ? { tenant: { tenantId: 'acme', source: 'header', plan: 'team', userId: 'u1' }, counted: [] }
        : { tenant: undefined, counted: ['header_untrusted'] },
    );
  });

  it('is believed by the judgement of the app, and of nothing but true', () => {
    const judged = (verdict: unknown) => fromHeader('x-tenant', { trusted: () => verdict as boolean });
    expect(ask(judged(true), undefined, headers).tenant).toMatchObject({ tenantId: 'acme' });
    for (const verdict of [false, undefined, 1, Promise.resolve(true)]) {
      expect(ask(judged(verdict), '10.1.2.3', headers).tenant).toBeUndefined();
    }
  });

  it('that is not there is no attempt', () => {
    expect(ask(source, '11.0.0.1', { 'x-plan': 'team' })).toEqual({ tenant: undefined, counted: [] });
  });

  it('sent twice names nobody, whether joined or not', () => {
    for (const twice of ['acme, beta', ['acme', 'beta']]) {
      const asked = ask(source, '10.1.2.3', { 'x-tenant': twice });
      expect(asked).toEqual({ tenant: undefined, counted: ['tenant_malformed'] });
    }
  });

  it('with a user of 10 KB keeps the tenant and drops the user', () => {
    const { tenant } = ask(source, '10.1.2.3', { ...headers, 'x-user': 'u'.repeat(10_000) });
    expect(tenant).toEqual({ tenantId: 'acme', source: 'header', plan: 'team' });
  });

  it.each(['10.0.0.0/33', 'fd00::/129', '10.0.0.0/x', '10.0.0/8', 'proxy', '', '10.0.0.0/8/8x'])(
    'refuses the network %s when it is set up',
    (network) => {
      expect(() => fromHeader('x-tenant', { trusted: [network] })).toThrow(RangeError);
    },
  );
});

describe('baggage', () => {
  const source = fromBaggage({ trusted: NETWORKS });

  it.each(PEERS)('from %s is believed: %s', (address, believed) => {
    expect(ask(source, address, { baggage: 'a=b,tenant_id=acme' })).toEqual(
      believed
        ? { tenant: { tenantId: 'acme', source: 'baggage' }, counted: [] }
        : { tenant: undefined, counted: ['baggage_untrusted'] },
    );
  });

  it.each([
    ['tenant_id=acme', 'acme'],
    [' tenant_id = acme ; ttl=3 , other=x', 'acme'],
    ['tenant_id=ac%40me', 'ac@me'],
    [['a=b', 'tenant_id=acme'], 'acme'],
    ['tenant_id=acme,tenant_id=victim', undefined],
    ['tenant_id=acme,tenant_id=acme', undefined],
    ['tenant_id=%E0%A4%A', undefined],
    ['tenant_id=..%2fetc', undefined],
    ['tenant_id=', undefined],
    ['tenant_id', undefined],
    ['xtenant_id=acme', undefined],
    [`pad=${'x'.repeat(9_000)},tenant_id=acme`, undefined],
  ])('%j from a trusted peer -> %s', (baggage, tenantId) => {
    const { tenant } = ask(source, '10.0.0.1', { baggage });
    expect(tenant === undefined ? undefined : (tenant as { tenantId: string }).tenantId).toBe(tenantId);
  });

  it('without a tenant is no attempt, whoever sends it', () => {
    expect(ask(source, '11.0.0.1', { baggage: 'a=b' })).toEqual({ tenant: undefined, counted: [] });
  });
});
