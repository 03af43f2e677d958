import { describe, expect, it } from 'vitest';
import { NAV_GROUPS, type PageEntry } from '../../dashboards/src/shared/page.ts';
import { homeOf, isForOthers, navGroups, navIdOf } from '../../dashboards/src/shell/nav-entries.ts';

const load = () => Promise.reject(new Error('not opened here'));
const entry = (id: string, path: string, more: Partial<PageEntry> = {}): PageEntry => ({
  id,
  path,
  title: () => id,
  roles: ['admin'],
  load,
  ...more,
});
const who = (role: string) => ({ subject: 'ada', role, tenant_id: null, tenants: null, expires_at: null });

const tenants = entry('tenants', '/', { roles: ['admin', 'sre'], nav: { group: 'Operate', label: 'Tenants' } });
const tenant = entry('tenant', '/tenants/:tenant_id', { roles: ['admin', 'sre'], under: 'tenants' });
const costs = entry('costs', '/costs', { nav: { group: 'Money', label: 'Cost' } });
const lines = entry('lines', '/costs/lines', { nav: { group: 'Money', label: 'Lines' } });
const line = entry('line', '/costs/lines/:id');
const set = entry('setup', '/setup', { nav: { group: 'Run Tenantry', label: 'Set up', hint: 'first span' } });
const ingest = entry('ingest', '/ingest', { nav: { group: 'Operate', label: 'Ingest' } });
const pages = [set, costs, tenants, tenant, lines, line, ingest];

describe('the navigation', () => {
  it('has the groups in their own order, the entries in that of the registry', () => {
    const groups = navGroups(pages, who('admin'));
    expect(groups.map(({ group }) => group)).toEqual(['Operate', 'Money', 'Run Tenantry']);
    expect(NAV_GROUPS).toEqual(expect.arrayContaining(groups.map(({ group }) => group)));
    expect(groups[0]?.items.map(({ id }) => id)).toEqual(['tenants', 'ingest']);
    expect(groups[2]?.items).toEqual([{ id: 'setup', label: 'Set up', hint: 'first span', path: '/setup' }]);
  });

  it('shows a role only what is for it, and nobody anything before it is known who that is', () => {
    expect(navGroups(pages, who('sre'))).toEqual([
      { group: 'Operate', items: [{ id: 'tenants', label: 'Tenants', hint: '', path: '/' }] },
    ]);
    expect(navGroups(pages, undefined)).toEqual([]);
    expect(navGroups(pages, who('key'))).toEqual([]);
  });

  it.each([
    [tenants, 'tenants'],
    [tenant, 'tenants'],
    [line, 'lines'],
    [entry('trace', '/tenants/:tenant_id/traces'), 'tenants'],
    [entry('far', '/elsewhere'), undefined],
    [entry('near', '/costsheet'), undefined],
  ])('marks the entry that a page belongs to', (page, id) => expect(navIdOf(pages, page)).toBe(id));

  it('leads people of a tenant to their own usage', () => {
    expect(['admin', 'sales', 'tenant_admin', 'member', 'viewer'].map((role) => homeOf(who(role)))).toEqual([
      '/',
      '/',
      '/usage',
      '/usage',
      '/usage',
    ]);
    expect(homeOf(undefined)).toBe('/');
  });

  it('turns away known roles from pages of others, and nobody else', () => {
    expect([who('sre'), who('admin'), who('viewer'), who('key'), undefined].map((w) => isForOthers(costs, w))).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
  });
});
