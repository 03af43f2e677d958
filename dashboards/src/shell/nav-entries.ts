import type { WhoAmI } from '../../../src/api/contract.ts';
import { isStaffRole, isTenantRole } from '../../../src/domain/roles.ts';
import { NAV_GROUPS, type PageEntry } from '../shared/page.ts';

interface NavItem {
  readonly id: string;
  readonly label: string;
  readonly hint: string;
  readonly path: string;
  /** With `g` in front it leads there. */
  readonly key?: string;
}

export interface NavGroup {
  readonly group: (typeof NAV_GROUPS)[number];
  readonly items: readonly NavItem[];
}

/**
 * What the navigation offers to `who`, by group, in the order of the registry; groups without a page are left out.
 * Nothing while it is not known who that is: entries that vanish a moment later would be worse than a short wait.
 */
export function navGroups(pages: readonly PageEntry[], who: WhoAmI | undefined): readonly NavGroup[] {
  if (who === undefined) return [];
  const mine = pages.filter(({ roles }) => roles.some((role) => role === who.role));
  return NAV_GROUPS.map((group) => ({
    group,
    items: mine.flatMap(({ id, path, nav }) =>
      nav?.group === group
        ? [{ id, path, label: nav.label, hint: nav.hint ?? '', ...(nav.key === undefined ? {} : { key: nav.key }) }]
        : [],
    ),
  })).filter(({ items }) => items.length > 0);
}

/**
 * The navigation's entry that a page belongs to: itself, else the one it names in `under`, else that of the page with
 * the longest path that its own path begins with.
 */
export function navIdOf(pages: readonly PageEntry[], entry: PageEntry): string | undefined {
  if (entry.nav !== undefined) return entry.id;
  if (entry.under !== undefined) return entry.under;
  const above = pages
    .filter(({ nav, under, path }) => (nav ?? under) !== undefined && path !== '/' && entry.path.startsWith(`${path}/`))
    .sort((a, b) => b.path.length - a.path.length)[0];
  return above?.nav === undefined ? above?.under : above.id;
}

const TENANT_HOME = '/usage';

/** Where `/` leads `who`: staff see all tenants there, people of a tenant their own usage. */
export function homeOf(who: WhoAmI | undefined): string {
  return who !== undefined && isTenantRole(who.role) ? TENANT_HOME : '/';
}

/** Whether the page is made for somebody else. Unknown people and roles are not turned away here; the server decides. */
export function isForOthers(entry: PageEntry, who: WhoAmI | undefined): boolean {
  if (who === undefined) return false;
  const isKnown = isStaffRole(who.role) || isTenantRole(who.role);
  return isKnown && !entry.roles.some((role) => role === who.role);
}
