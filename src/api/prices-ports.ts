import type { Actor, StaffActor } from '../domain/actor.ts';
import type { ContractMember, ContractTerms, PriceEntry, PriceLayer, PriceTerms } from '../domain/price.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';

/** What the api needs of the price book. Times are Unix ms. */

/** Where a price that somebody writes belongs. */
type PriceOwner =
  | { readonly layer: 'book' }
  | { readonly layer: 'contract'; readonly owner: string }
  | { readonly layer: 'tenant'; readonly owner: TenantId };

export type GivenPrice = Omit<PriceTerms, 'source' | 'sourceRef' | 'daily'>;

/** A version of the book that was written, and how many prices began and ended in it. */
export interface BookWrite {
  readonly version: number;
  readonly added: number;
  readonly ended: number;
}

interface PriceFilter {
  /** Case-insensitive part of provider or model. */
  readonly search: string | undefined;
  readonly layers: readonly PriceLayer[];
  /** Tenant or contract. */
  readonly owner: string | undefined;
  /** Only what holds at this moment. */
  readonly at: number | undefined;
  readonly offset: number;
  readonly limit: number;
}

interface PriceVersion {
  readonly version: number;
  readonly kind: 'seed' | 'import' | 'edit';
  readonly reason: string;
  readonly added: number;
  readonly ended: number;
  readonly by: string;
  readonly at: number;
}

export interface ContractStanding extends ContractTerms {
  readonly members: readonly ContractMember[];
  readonly prices: readonly PriceEntry[];
}

export const PRICE_FORMATS = ['litellm', 'csv', 'genai-prices'] as const;

export interface PriceImport {
  readonly format: (typeof PRICE_FORMATS)[number];
  /** The file; '' for `genai-prices`, whose list comes with Tenantry. */
  readonly text: string;
  /** Name of the file or version of the list. */
  readonly sourceRef: string;
  /** Of lists without dates: from when changes hold. */
  readonly at: number;
  /** Whether prices of the same source that the file has no more end. */
  readonly removes: boolean;
}

interface ImportProblem {
  readonly where: string;
  readonly reason: string;
}

export interface ImportPreview {
  /** Of the book that the preview was made from; `apply` wants it. */
  readonly version: number;
  readonly added: readonly PriceTerms[];
  readonly changed: readonly { readonly before: readonly PriceTerms[]; readonly after: PriceTerms }[];
  readonly removed: readonly PriceTerms[];
  readonly unchanged: number;
  /** Any of these, and nothing can be applied. */
  readonly errors: readonly ImportProblem[];
  /** What the book cannot hold; the rest is taken. */
  readonly skipped: readonly ImportProblem[];
}

interface UnpricedModel {
  readonly provider: string;
  readonly model: string;
  readonly reason: string;
  readonly calls: number;
  readonly tenants: number;
}

export interface Prices {
  list(filter: PriceFilter): {
    readonly version: number;
    readonly total: number;
    readonly items: readonly PriceEntry[];
  };
  versions(actor: StaffActor, limit: number): Promise<readonly PriceVersion[]>;
  /** Each takes the place of what held for the same thing in its period. */
  add(
    actor: StaffActor,
    owner: PriceOwner,
    given: { readonly prices: readonly GivenPrice[]; readonly reason: string },
  ): Promise<BookWrite>;
  /** Ends a price at a moment; null: as if it had never been. undefined: there is none with this id in the layer. */
  end(
    actor: StaffActor,
    layer: PriceLayer,
    price: { readonly id: string; readonly owner?: string; readonly at: number | null; readonly reason: string },
  ): Promise<BookWrite | undefined>;
  contracts(): readonly ContractStanding[];
  putContract(actor: StaffActor, terms: ContractTerms, reason: string): Promise<BookWrite>;
  /** With its prices and memberships. */
  removeContract(actor: StaffActor, name: string, reason: string): Promise<BookWrite | undefined>;
  /** undefined: there is no such contract. */
  attach(actor: StaffActor, member: ContractMember, reason: string): Promise<BookWrite | undefined>;
  detach(actor: StaffActor, contract: string, tenantId: string, reason: string): Promise<BookWrite | undefined>;
  preview(request: PriceImport): ImportPreview;
  apply(
    actor: StaffActor,
    request: PriceImport,
    agreed: { readonly expectedVersion: number; readonly reason: string },
  ): Promise<BookWrite>;
  unpriced(window: Window): Promise<readonly UnpricedModel[]>;
}

export interface MonthStanding {
  readonly month: number;
  readonly closedBy: string;
  readonly closedAt: number;
  readonly bookVersion: number;
}

/** What a closed month says of a tenant: the figure at the close, then every correction. */
interface MonthFigure {
  readonly tenantId: string;
  readonly closedMicro: number;
  readonly corrections: readonly { readonly repricing: string; readonly micro: number }[];
  readonly unpricedCalls: number;
}

interface RepricingDifference {
  readonly month: number;
  /** Closed months get corrections; open ones follow the book by themselves. */
  readonly closed: boolean;
  readonly tenantId: string;
  readonly provider: string;
  readonly model: string;
  readonly beforePico: bigint;
  readonly afterPico: bigint;
  readonly calls: number;
  readonly unpricedCallsBefore: number;
  readonly unpricedCallsAfter: number;
}

export interface RepricingPreview {
  readonly version: number;
  /** Version that open months are compared with. */
  readonly fromVersion: number;
  readonly items: readonly RepricingDifference[];
  /** Sum over the closed months: what `apply` would write. */
  readonly correctionMicro: number;
}

export interface RepricingRecord {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  readonly bookVersion: number;
  readonly reason: string;
  readonly lines: number;
  readonly differenceMicro: number;
  readonly by: string;
  readonly at: number;
}

export interface PriceMonths {
  list(): Promise<readonly MonthStanding[]>;
  /** @throws TenantryError BAD_REQUEST for a month that has not ended, CONFLICT for one that is closed */
  close(actor: StaffActor, month: number): Promise<MonthStanding>;
  /** undefined: the month is not closed. */
  figures(actor: Actor, month: number, tenant: TenantId | undefined): Promise<readonly MonthFigure[] | undefined>;
  preview(range: {
    readonly from: number;
    readonly to: number;
    readonly fromVersion?: number;
  }): Promise<RepricingPreview>;
  apply(
    actor: StaffActor,
    range: { readonly from: number; readonly to: number },
    agreed: { readonly expectedVersion: number; readonly reason: string },
  ): Promise<RepricingRecord>;
  repricings(actor: StaffActor, limit: number): Promise<readonly RepricingRecord[]>;
}
