import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePath, tenantHref, tenantsHref } from '../../dashboards/src/shared/router.ts';

const NONE = new URLSearchParams();

describe('addresses', () => {
  it('lead to their pages', () => {
    expect(parsePath('/')).toEqual({ page: 'tenants' });
    expect(parsePath('/tenants/acme')).toEqual({ page: 'tenant', tenantId: 'acme' });
    expect(parsePath('/tenants/acme/')).toEqual({ page: 'tenant', tenantId: 'acme' });
  });

  it.each(['/elsewhere', '/tenants/a/b', '/tenants/%E0%A4%A'])('%s has no page', (path) => {
    expect(parsePath(path)).toEqual({ page: 'not-found' });
  });

  it('carry any tenant id unchanged, whatever is in it', () => {
    const wellFormed = fc.string({ minLength: 1, unit: 'grapheme' });
    fc.assert(
      fc.property(wellFormed, (tenantId) => {
        const url = new URL(tenantHref(tenantId, NONE), 'http://localhost');
        // A browser resolves "." and ".." as folders before any page sees them; no tenant id has this form.
        fc.pre(tenantId !== '.' && tenantId !== '..');
        expect(parsePath(url.pathname)).toEqual({ page: 'tenant', tenantId });
        expect(url.search + url.hash).toBe('');
      }),
    );
    expect(parsePath(tenantHref('(unknown)', NONE))).toEqual({ page: 'tenant', tenantId: '(unknown)' });
  });

  it('take the time range along and leave what belongs to one page', () => {
    const query = new URLSearchParams('range=6h&q=acme&sort=errors&cursor=abc');
    expect(tenantHref('acme', query)).toBe('/tenants/acme?range=6h');
    expect(tenantsHref(query)).toBe('/?range=6h');
  });
});
