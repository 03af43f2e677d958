import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchPath, tenantHref, tenantsHref } from '../../dashboards/src/shared/router.ts';

const NONE = new URLSearchParams();

const PAGES = [
  { id: 'tenants', path: '/' },
  { id: 'tenant', path: '/tenants/:tenant_id' },
] as const;

function pageAt(path: string): object | undefined {
  const match = matchPath(PAGES, path);
  return match && { page: match.entry.id, ...match.params };
}

describe('addresses', () => {
  it('lead to their pages', () => {
    expect(pageAt('/')).toEqual({ page: 'tenants' });
    expect(pageAt('/tenants/acme')).toEqual({ page: 'tenant', tenant_id: 'acme' });
    expect(pageAt('/tenants/acme/')).toEqual({ page: 'tenant', tenant_id: 'acme' });
  });

  it.each(['/elsewhere', '/tenants/a/b', '/tenants/%E0%A4%A'])('%s has no page', (path) => {
    expect(pageAt(path)).toBeUndefined();
  });

  it('carry any tenant id unchanged, whatever is in it', () => {
    const wellFormed = fc.string({ minLength: 1, unit: 'grapheme' });
    fc.assert(
      fc.property(wellFormed, (tenantId) => {
        const url = new URL(tenantHref(tenantId, NONE), 'http://localhost');
        // A browser resolves "." and ".." as folders before any page sees them; no tenant id has this form.
        fc.pre(tenantId !== '.' && tenantId !== '..');
        expect(pageAt(url.pathname)).toEqual({ page: 'tenant', tenant_id: tenantId });
        expect(url.search + url.hash).toBe('');
      }),
    );
    expect(pageAt(tenantHref('(unknown)', NONE))).toEqual({ page: 'tenant', tenant_id: '(unknown)' });
  });

  it('take the time range along and leave what belongs to one page', () => {
    const query = new URLSearchParams('range=6h&q=acme&sort=errors&cursor=abc');
    expect(tenantHref('acme', query)).toBe('/tenants/acme?range=6h');
    expect(tenantsHref(query)).toBe('/?range=6h');
  });
});
