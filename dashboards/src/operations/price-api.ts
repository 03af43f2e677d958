import type {
  BookWriteItem,
  ContractItem,
  ContractList,
  MonthCostList,
  MonthItem,
  MonthList,
  PriceImportPreview,
  PriceItem,
  PriceList,
  PriceVersionList,
  RepricingItem,
  RepricingList,
  RepricingPreview,
  UnpricedList,
} from '../../../src/api/prices-contract.ts';
import { get, send, serverNow, urlOf } from '../shared/api-client.ts';

const PAGE = 1_000;
const MONTH_MS = 30 * 86_400_000;
/** A year of rollups is priced anew. */
const REPRICING_TIMEOUT_MS = 2 * 60_000;

export interface PriceQuery {
  readonly q?: string | undefined;
  readonly layer?: string | undefined;
  /** RFC 3339: only what holds then. */
  readonly at?: string | undefined;
}

/** One page of up to 1,000 prices. */
export function listPrices(query: PriceQuery, cursor?: string, signal?: AbortSignal): Promise<PriceList> {
  return get('/v1/prices', { ...query, limit: PAGE, cursor }, signal);
}

/** Every page. */
export async function allPrices(query: PriceQuery): Promise<readonly PriceItem[]> {
  const items: PriceItem[] = [];
  let cursor: string | undefined;
  do {
    const page = await listPrices(query, cursor);
    items.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

/** Models of the last 30 days without a price. */
export function listUnpriced(signal: AbortSignal): Promise<UnpricedList> {
  const now = serverNow();
  return get(
    '/v1/prices/unpriced',
    { from: new Date(now - MONTH_MS).toISOString(), to: new Date(now).toISOString() },
    signal,
  );
}

export function listVersions(signal: AbortSignal): Promise<PriceVersionList> {
  return get('/v1/prices/versions', { limit: 200 }, signal);
}

/** One thing's price as POST /v1/prices wants it. */
export interface NewPrice {
  readonly provider: string;
  readonly model: string;
  readonly kind: string;
  readonly variant: string;
  readonly price_usd: string;
  readonly effective_from?: string;
}

/** Whose prices: the book's, a tenant's, a contract's. */
export type PriceOwner =
  | { readonly kind: 'book' }
  | { readonly kind: 'tenant'; readonly tenantId: string }
  | { readonly kind: 'contract'; readonly name: string };

const contractPath = (name: string) => `/v1/contracts/${encodeURIComponent(name)}`;

function pathOf(owner: PriceOwner): string {
  if (owner.kind === 'book') return '/v1/prices';
  return owner.kind === 'tenant' ? '/v1/price-overrides' : `${contractPath(owner.name)}/prices`;
}

export function addPrices(owner: PriceOwner, prices: readonly NewPrice[], reason: string): Promise<BookWriteItem> {
  const whose = owner.kind === 'tenant' ? { tenant_id: owner.tenantId } : {};
  return send('POST', pathOf(owner), { ...whose, prices, reason });
}

/** @param effectiveTo absent: as if it had never been */
export function endPrice(
  owner: PriceOwner,
  id: string,
  { effectiveTo, reason }: { readonly effectiveTo: string | undefined; readonly reason: string },
): Promise<BookWriteItem> {
  return send('DELETE', urlOf(`${pathOf(owner)}/${encodeURIComponent(id)}`, { effective_to: effectiveTo, reason }));
}

export async function listOverrides(signal: AbortSignal): Promise<readonly PriceItem[]> {
  const items: PriceItem[] = [];
  let cursor: string | undefined;
  do {
    const page = await get<PriceList>('/v1/price-overrides', { limit: PAGE, cursor }, signal);
    items.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

export async function listContracts(signal: AbortSignal): Promise<readonly ContractItem[]> {
  return (await get<ContractList>('/v1/contracts', {}, signal)).items;
}

export function setContract(name: string, terms: unknown): Promise<BookWriteItem> {
  return send('PUT', contractPath(name), terms);
}

export function removeContract(name: string, reason: string): Promise<BookWriteItem> {
  return send('DELETE', urlOf(contractPath(name), { reason }));
}

const memberPath = (name: string, tenantId: string) => `${contractPath(name)}/tenants/${encodeURIComponent(tenantId)}`;

export function putUnderContract(name: string, tenantId: string, terms: unknown): Promise<BookWriteItem> {
  return send('PUT', memberPath(name, tenantId), terms);
}

export function takeOutOfContract(name: string, tenantId: string, reason: string): Promise<BookWriteItem> {
  return send('DELETE', urlOf(memberPath(name, tenantId), { reason }));
}

export interface PriceImportFile {
  readonly format: string;
  readonly text: string;
  readonly file_name: string;
  readonly effective_from?: string;
  readonly remove: boolean;
}

export function previewImport(file: PriceImportFile): Promise<PriceImportPreview> {
  return send('POST', '/v1/prices/imports/preview', file);
}

export function applyImport(file: PriceImportFile, version: number, reason: string): Promise<BookWriteItem> {
  return send('POST', '/v1/prices/imports', { ...file, expected_version: version, reason });
}

export async function listMonths(signal: AbortSignal): Promise<readonly MonthItem[]> {
  return (await get<MonthList>('/v1/months', {}, signal)).items;
}

export function closeMonth(month: string): Promise<MonthItem> {
  return send('POST', `/v1/months/${month}/close`);
}

export function monthCosts(month: string, signal: AbortSignal): Promise<MonthCostList> {
  return get(`/v1/months/${month}/ai-costs`, {}, signal);
}

/** Half-open, such as 2026-10 to 2026-11 for October. */
export interface MonthRange {
  readonly from: string;
  readonly to: string;
}

export function previewRepricing(range: MonthRange): Promise<RepricingPreview> {
  return send('POST', '/v1/repricings/preview', range, {}, REPRICING_TIMEOUT_MS);
}

export function applyRepricing(range: MonthRange, version: number, reason: string): Promise<RepricingItem> {
  const body = { ...range, expected_version: version, reason };
  return send('POST', '/v1/repricings', body, {}, REPRICING_TIMEOUT_MS);
}

export async function listRepricings(signal: AbortSignal): Promise<readonly RepricingItem[]> {
  return (await get<RepricingList>('/v1/repricings', {}, signal)).items;
}
