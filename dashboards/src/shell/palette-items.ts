import { isTenantId } from '../../../src/domain/tenant-id.ts';
import type { NavGroup } from './nav-entries.ts';
import type { Place } from './recent-places.ts';

export type ActionId =
  | 'theme-system'
  | 'theme-light'
  | 'theme-dark'
  | 'zone'
  | 'zone-utc'
  | 'zone-local'
  | 'copy-link'
  | 'help'
  | 'sign-out';

export interface PaletteItem {
  readonly id: string;
  readonly label: string;
  /** Said small behind the label. */
  readonly detail: string;
  /** Found by these words too. */
  readonly words: string;
  readonly to: { readonly href: string } | { readonly action: ActionId };
}

export interface PaletteGroup {
  readonly label: string;
  readonly items: readonly PaletteItem[];
}

const ACTIONS: readonly (readonly [ActionId, string, string])[] = [
  ['copy-link', 'Copy a link to this page', 'share address url'],
  ['theme-light', 'Theme: light', 'colours appearance'],
  ['theme-dark', 'Theme: dark', 'colours appearance night'],
  ['theme-system', 'Theme: as the system has it', 'colours appearance auto'],
  ['zone-local', 'Times in the zone of this device', 'time zone local clock'],
  ['zone-utc', 'Times in UTC', 'time zone clock'],
  ['zone', 'Choose another time zone …', 'clock utc iana'],
  ['help', 'Keyboard shortcuts', 'keys help'],
  ['sign-out', 'Sign out', 'log out leave'],
];

export function actionItems(isSignedIn: boolean): readonly PaletteItem[] {
  return ACTIONS.filter(([id]) => isSignedIn || id !== 'sign-out').map(([action, label, words]) => ({
    id: `action-${action}`,
    label,
    detail: '',
    words,
    to: { action },
  }));
}

/** `href` makes a page's path an address that keeps the range. */
export function pageItems(groups: readonly NavGroup[], href: (path: string) => string): readonly PaletteItem[] {
  return groups.flatMap(({ group, items }) =>
    items.map(({ id, label, hint, path }) => ({
      id: `page-${id}`,
      label,
      detail: group,
      words: hint,
      to: { href: href(path) },
    })),
  );
}

export function placeItems(places: readonly Place[], here: string): readonly PaletteItem[] {
  return places
    .filter((place) => place.href !== here)
    .map(({ href, title }) => ({
      id: `recent-${href}`,
      label: title,
      detail: href.split('?')[0] ?? '',
      words: '',
      to: { href },
    }));
}

export function tenantItems(ids: readonly string[], href: (tenantId: string) => string): readonly PaletteItem[] {
  return ids.map((id) => ({ id: `tenant-${id}`, label: id, detail: 'Tenant', words: '', to: { href: href(id) } }));
}

/** For an id that was typed in full and is not among the tenants of the last day: it may have been silent. */
export function silentTenantItems(text: string, href: (tenantId: string) => string): readonly PaletteItem[] {
  const id = text.trim();
  if (!isTenantId(id)) return [];
  return [
    {
      id: 'tenant-typed',
      label: id,
      detail: 'no data in the last day; open anyway',
      words: '',
      to: { href: href(id) },
    },
  ];
}

/** How well an item fits: 0 not at all; a label that begins with the text is the best. */
function markOf(item: PaletteItem, words: readonly string[]): number {
  const label = item.label.toLowerCase();
  const rest = `${item.detail} ${item.words}`.toLowerCase();
  const marks = words.map((word) => {
    if (label.startsWith(word)) return 4;
    if (label.split(/[^\p{L}\p{N}]+/u).some((part) => part.startsWith(word))) return 3;
    if (label.includes(word)) return 2;
    return rest.includes(word) ? 1 : 0;
  });
  return marks.some((mark) => mark === 0) ? 0 : Math.max(...marks);
}

/** Items that have every word of `text`, best first, else in their own order. All, when there is no text. */
export function matching(items: readonly PaletteItem[], text: string): readonly PaletteItem[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return items;
  return items
    .map((item) => ({ item, mark: markOf(item, words) }))
    .filter(({ mark }) => mark > 0)
    .sort((a, b) => b.mark - a.mark)
    .map(({ item }) => item);
}

const MAX_RECENT = 4;

/** What the palette shows for `text`; groups without a match are left out. The tenants were searched by the server. */
export function paletteGroups(
  sources: {
    readonly recent: readonly PaletteItem[];
    readonly pages: readonly PaletteItem[];
    readonly tenants: readonly PaletteItem[];
    readonly actions: readonly PaletteItem[];
  },
  text: string,
): readonly PaletteGroup[] {
  const recent = matching(sources.recent, text).slice(0, MAX_RECENT);
  return [
    { label: 'Recent', items: recent },
    { label: 'Pages', items: matching(sources.pages, text) },
    { label: 'Tenants', items: sources.tenants.filter(({ label }) => !recent.some((item) => item.label === label)) },
    { label: 'Actions', items: matching(sources.actions, text) },
  ].filter(({ items }) => items.length > 0);
}

/** The option that `key` leads to from `at` of `count`; undefined where the key means nothing here. */
export function optionAfter(key: string, at: number, count: number): number | undefined {
  if (count === 0) return undefined;
  if (key === 'ArrowDown') return (at + 1) % count;
  if (key === 'ArrowUp') return (at - 1 + count) % count;
  if (key === 'PageDown') return Math.min(count - 1, at + 8);
  if (key === 'PageUp') return Math.max(0, at - 8);
  return undefined;
}
