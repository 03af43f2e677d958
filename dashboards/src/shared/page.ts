import type { WhoAmI } from '../../../src/api/contract.ts';
import { isStaffRole, type Role } from '../../../src/domain/roles.ts';

export interface PageProps {
  /** The parts of the path behind a colon, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** undefined until the server has said who is signed in, and while nobody is. */
  readonly who: WhoAmI | undefined;
}

/** Groups of the navigation, in this order. */
export const NAV_GROUPS = ['Operate', 'Money', 'Your account', 'Run Tenantry'] as const;

/**
 * Not named by Preact's types: they bring a browser's globals along, and tests that read the table of pages run in Node.
 */
type PageComponent = (props: PageProps) => object | null;

export interface PageEntry {
  readonly id: string;
  /** `/costs/:tenant_id`: a part behind a colon is any text without a slash. */
  readonly path: string;
  /** Of the browser's tab. */
  readonly title: (params: Readonly<Record<string, string>>) => string;
  /** Who is shown the way there. The server decides what they get; this only spares people pages full of refusals. */
  readonly roles: readonly Role[];
  /**
   * Where it stands in the navigation; absent: reached from another page. `hint`: words that the palette also finds it by.
   * `key`: `g` and this letter lead there.
   */
  readonly nav?: {
    readonly group: (typeof NAV_GROUPS)[number];
    readonly label: string;
    readonly hint?: string;
    readonly key?: string;
  };
  /** Id of the page in the navigation that this one belongs to, where the paths do not say so. */
  readonly under?: string;
  /** Without the bar and the navigation, for frames inside other products. */
  readonly bare?: true;
  readonly load: () => Promise<PageComponent>;
}

/** Roles that may throttle, steer breakers and set up alerts. */
export const OPERATOR_ROLES = ['admin', 'sre', 'automation'] as const satisfies readonly Role[];
/** Roles that approve what automation asks: four eyes are those of people. */
export const PEOPLE_ROLES = ['admin', 'sre'] as const satisfies readonly Role[];
export const STAFF_PAGE_ROLES = ['admin', 'sre', 'sales', 'automation'] as const satisfies readonly Role[];
export const SALES_ROLES = ['admin', 'sales'] as const satisfies readonly Role[];
export const TENANT_PAGE_ROLES = ['tenant_admin', 'member', 'viewer'] as const satisfies readonly Role[];

/** Whether `who` is shown what is for `roles`. While it is not known who that is, nothing is taken away. */
export function isFor(who: WhoAmI | undefined, roles: readonly Role[]): boolean {
  return who === undefined || roles.some((role) => role === who.role);
}

export function isStaff(who: WhoAmI | undefined): boolean {
  return who === undefined || isStaffRole(who.role);
}
