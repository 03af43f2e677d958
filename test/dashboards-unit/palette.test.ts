import { describe, expect, it } from 'vitest';
import {
  actionItems,
  matching,
  optionAfter,
  pageItems,
  paletteGroups,
  placeItems,
  silentTenantItems,
  tenantItems,
} from '../../dashboards/src/shell/palette-items.ts';
import { parseRecent, withPlace } from '../../dashboards/src/shell/recent-places.ts';

const pages = pageItems(
  [
    {
      group: 'Operate',
      items: [
        { id: 'tenants', label: 'Tenants', hint: 'customers latency', path: '/' },
        { id: 'neighbors', label: 'Noisy neighbours', hint: 'blame', path: '/neighbors' },
      ],
    },
    {
      group: 'Money',
      items: [{ id: 'costs', label: 'Cost and margin', hint: 'revenue latency-free', path: '/costs' }],
    },
  ],
  (path) => `${path}?range=6h`,
);
const labels = (items: readonly { label: string }[]) => items.map(({ label }) => label);

describe('what the palette finds', () => {
  it('are pages by label, group and hint, with the range in their address', () => {
    expect(pages[1]).toMatchObject({
      label: 'Noisy neighbours',
      detail: 'Operate',
      to: { href: '/neighbors?range=6h' },
    });
    expect(labels(matching(pages, 'NOISY'))).toEqual(['Noisy neighbours']);
    expect(labels(matching(pages, 'money'))).toEqual(['Cost and margin']);
    expect(labels(matching(pages, 'latency'))).toEqual(['Tenants', 'Cost and margin']);
    expect(labels(matching(pages, 'margin cost'))).toEqual(['Cost and margin']);
    expect(matching(pages, 'margin tenants')).toEqual([]);
    expect(matching(pages, '  ')).toEqual(pages);
  });

  it('puts the beginning of a label before the beginning of a word before the middle of one', () => {
    const items = tenantItems(['my-acme', 'macmes', 'acme'], (id) => id);
    expect(labels(matching(items, 'acme'))).toEqual(['acme', 'my-acme', 'macmes']);
  });

  it('names a tenant once, the server having searched, and leaves empty groups out', () => {
    const recent = placeItems([{ href: '/tenants/acme?range=6h', title: 'acme' }], '/');
    const tenants = tenantItems(['acme', 'acme-2'], (id) => `/tenants/${id}`);
    const groups = paletteGroups({ recent, pages, tenants, actions: actionItems(true) }, 'acme');
    expect(groups.map(({ label, items }) => [label, labels(items)])).toEqual([
      ['Recent', ['acme']],
      ['Tenants', ['acme-2']],
    ]);
  });

  it('does not lead to the page that is open', () => {
    expect(placeItems([{ href: '/costs?a=1', title: 'Cost' }], '/costs?a=1')).toEqual([]);
  });

  it('offers an id that was typed in full, and no text that can be none', () => {
    expect(labels(silentTenantItems(' quiet.42 ', (id) => id))).toEqual(['quiet.42']);
    expect(silentTenantItems('not an id', (id) => id)).toEqual([]);
  });

  it('offers to sign out only whoever is signed in', () => {
    expect(labels(actionItems(true))).toContain('Sign out');
    expect(labels(actionItems(false))).not.toContain('Sign out');
  });

  it.each([
    ['ArrowDown', 2, 0],
    ['ArrowUp', 0, 2],
    ['ArrowDown', 0, 1],
    ['PageDown', 0, 2],
    ['PageUp', 2, 0],
    ['x', 0, undefined],
  ])('%s goes from option %d of 3 to %s', (key, at, next) => expect(optionAfter(key, at, 3)).toBe(next));

  it('has nowhere to go in an empty list', () => expect(optionAfter('ArrowDown', 0, 0)).toBeUndefined());
});

describe('recent places', () => {
  const place = (href: string) => ({ href, title: href });
  const visited = (...hrefs: string[]) =>
    hrefs.reduce((recent, href) => withPlace(recent, 'ada', place(href)), {
      owner: 'ada',
      places: [] as const,
    } as ReturnType<typeof parseRecent>);

  it('begin with the last, each page once, with the range that it had last', () => {
    expect(visited('/a?range=6h', '/b', '/a').places.map(({ href }) => href)).toEqual(['/a', '/b']);
  });

  it('are eight at most', () => {
    expect(visited(...Array.from({ length: 20 }, (_, index) => `/${index}`)).places).toHaveLength(8);
  });

  it('are not those of somebody else who used the browser', () => {
    expect(withPlace(visited('/a'), 'bob', place('/b'))).toEqual({ owner: 'bob', places: [place('/b')] });
  });

  it('come back from storage, but for what leads elsewhere', () => {
    const recent = visited('/a', '/b');
    expect(parseRecent(JSON.stringify(recent))).toEqual(recent);
    const hostile = {
      owner: 'ada',
      places: [place('//evil.example'), place('javascript:alert(1)'), 7, null, place('/ok')],
    };
    expect(parseRecent(JSON.stringify(hostile)).places).toEqual([place('/ok')]);
    for (const text of [null, '', '{', '[]', '{"owner":1,"places":[]}']) expect(parseRecent(text).places).toEqual([]);
  });
});
