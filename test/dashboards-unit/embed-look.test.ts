import { describe, expect, it } from 'vitest';
import { claimsOf, embedLook, renewIn, tokenOfHash } from '../../dashboards/src/tenant/embed-look.ts';

const look = (query: string) => embedLook(new URLSearchParams(query));
const tokenOf = (claims: unknown) => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;

describe('the address of a frame', () => {
  it('gives theme and colour, and nothing that is not one', () => {
    expect(look('theme=dark&accent=0A7D5A')).toMatchObject({
      theme: 'dark',
      accent: { color: '#0a7d5a', on: '#ffffff' },
    });
    expect(look('accent=%23ffe08a').accent).toEqual({ color: '#ffe08a', on: '#000000' });
    for (const bad of ['red', 'fff', '12345g', '000000;background:url(//x)', 'var(--x)']) {
      expect([bad, look(`accent=${encodeURIComponent(bad)}`).accent]).toEqual([bad, undefined]);
    }
    expect(look('theme=neon').theme).toBe('system');
  });

  it('names one origin to speak with, exactly', () => {
    expect(look('origin=https://app.example.com').hostOrigin).toBe('https://app.example.com');
    for (const bad of [
      '*',
      'null',
      'https://app.example.com/',
      'javascript:alert(1)',
      'file:///x',
      'app.example.com',
    ]) {
      expect([bad, look(`origin=${encodeURIComponent(bad)}`).hostOrigin]).toEqual([bad, undefined]);
    }
  });

  it('carries the token behind the hash', () => {
    expect(tokenOfHash('#token=a.b-_.c')).toBe('a.b-_.c');
    expect([tokenOfHash(''), tokenOfHash('#other=1')]).toEqual([undefined, undefined]);
  });
});

describe('what a token says of itself', () => {
  it('is read, unknown views left out', () => {
    expect(claimsOf(tokenOf({ tenant_id: 'acmé', views: ['usage', 'margins'], exp: 100 }))).toEqual({
      ...{ tenantId: 'acmé', views: ['usage'], expiresAt: 100_000 },
    });
  });

  it('is nothing where it is no token', () => {
    for (const bad of [
      '',
      'x',
      'a.%%%.c',
      tokenOf(null),
      tokenOf([]),
      tokenOf({ tenant_id: 'a', exp: '1', views: [] }),
    ]) {
      expect([bad, claimsOf(bad)]).toEqual([bad, undefined]);
    }
  });

  it('a new one is asked for a minute ahead, of short lives earlier in share', () => {
    const claims = { tenantId: 'a', views: [], expiresAt: 900_000 };
    expect(renewIn(claims, 0)).toBe(840_000);
    expect(renewIn({ ...claims, expiresAt: 60_000 }, 0)).toBe(48_000);
    expect(renewIn(claims, 1_000_000)).toBe(0);
  });
});
