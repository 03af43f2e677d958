/** What the pages on cost and margin ask of the API. Windows are whole days in UTC. */
import type {
  CostExplanation,
  CostList,
  CostTrend,
  FeatureList,
  ForecastBody,
  MarginAnswerBody,
  MonthCostList,
  MonthList,
  NewTenantProfile,
  NewTenantProfileImport,
  RepricingList,
  RevenueAnswer,
  TenantProfileImport,
  TenantProfileItem,
  TenantProfileList,
  UnpricedList,
} from '../../../src/api/contract.ts';
import { allPages } from '../shared/all-pages.ts';
import { get, rfc3339, send, urlOf } from '../shared/api-client.ts';
import type { RangeWindow } from '../shared/time-range.ts';

const EVERY_TENANT = 100_000;
const PROFILES_A_PAGE = 10_000;
const SHARES_A_PAGE = 200;
const LINES_A_SHARE = 20;

export interface CostsQuestion {
  readonly window: RangeWindow;
  readonly currency: string | undefined;
  readonly tenantId?: string;
}

export function getCosts({ window, currency, tenantId }: CostsQuestion, signal?: AbortSignal): Promise<CostList> {
  return get('/v1/costs', { ...rfc3339(window), currency, tenant_id: tenantId, limit: EVERY_TENANT }, signal);
}

export function getTrend(
  question: { until: string; months: number; currency: string | undefined },
  signal?: AbortSignal,
): Promise<CostTrend> {
  return get('/v1/costs/trend', question, signal);
}

/** Every share of a part that went to a tenant, the largest first, each with its first lines. */
export function explainPart(
  question: { tenantId: string; part: string; window: RangeWindow; currency: string },
  signal?: AbortSignal,
): Promise<CostExplanation['items']> {
  const { tenantId, part, window, currency } = question;
  const path = `/v1/costs/${encodeURIComponent(tenantId)}/explain`;
  const page = { limit: SHARES_A_PAGE, lines: LINES_A_SHARE };
  return allPages((cursor) =>
    get<CostExplanation>(path, { ...rfc3339(window), part, currency, ...page, cursor }, signal),
  );
}

export function getMargins(
  question: { window: RangeWindow; groupBy: MarginAnswerBody['group_by']; tenantId?: string; measure?: string },
  signal?: AbortSignal,
): Promise<MarginAnswerBody> {
  const { window, groupBy, tenantId, measure } = question;
  const query = { ...rfc3339(window), group_by: groupBy, tenant_id: tenantId, feature_usage: measure };
  return get('/v1/margins', query, signal);
}

export function getRevenue(
  question: { window: RangeWindow; tenantId?: string },
  signal?: AbortSignal,
): Promise<RevenueAnswer> {
  return get('/v1/revenue', { ...rfc3339(question.window), tenant_id: question.tenantId }, signal);
}

export function getForecast(
  question: { of: ForecastBody['of']; tenantId?: string },
  signal?: AbortSignal,
): Promise<ForecastBody> {
  return get('/v1/forecasts', { of: question.of, tenant_id: question.tenantId }, signal);
}

export function getFeatures(signal?: AbortSignal): Promise<FeatureList> {
  return get('/v1/margins/features', {}, signal);
}

export async function getUnpriced(window: RangeWindow, signal?: AbortSignal): Promise<UnpricedList['items']> {
  return (await get<UnpricedList>('/v1/prices/unpriced', rfc3339(window), signal)).items;
}

export function listProfiles(signal?: AbortSignal): Promise<TenantProfileItem[]> {
  return allPages((cursor) =>
    get<TenantProfileList>('/v1/tenant-profiles', { limit: PROFILES_A_PAGE, cursor }, signal),
  );
}

/** The profile of exactly this tenant; undefined: it is not known. */
export async function findProfile(tenantId: string, signal?: AbortSignal): Promise<TenantProfileItem | undefined> {
  const answer = await get<TenantProfileList>('/v1/tenant-profiles', { q: tenantId, limit: PROFILES_A_PAGE }, signal);
  return answer.items.find((item) => item.tenant_id === tenantId);
}

export function putProfile(tenantId: string, profile: NewTenantProfile): Promise<TenantProfileItem> {
  return send('PUT', `/v1/tenants/${encodeURIComponent(tenantId)}/profile`, profile);
}

export function importProfiles(file: NewTenantProfileImport): Promise<TenantProfileImport> {
  return send('POST', '/v1/tenant-profiles/imports', file);
}

/** What a closed month of AI costs says of a tenant: how it stood, and what was corrected since. */
export interface ClosedMonth {
  readonly month: MonthList['items'][number];
  readonly figures: MonthCostList['items'][number] | undefined;
  readonly repricings: RepricingList['items'];
}

/** undefined: the month is not closed. */
export async function getClosedMonth(
  month: string,
  tenantId: string,
  signal?: AbortSignal,
): Promise<ClosedMonth | undefined> {
  const { items } = await get<MonthList>('/v1/months', {}, signal);
  const closed = items.find((item) => item.month === month);
  if (closed === undefined) return undefined;
  const [costs, repricings] = await Promise.all([
    get<MonthCostList>(`/v1/months/${month}/ai-costs`, { tenant_id: tenantId }, signal),
    get<RepricingList>('/v1/repricings', {}, signal),
  ]);
  return { month: closed, figures: costs.items[0], repricings: repricings.items };
}

/** A row of the file of AI costs. */
export interface AiModelCost {
  readonly tenant_id: string;
  readonly provider: string;
  readonly model: string;
  readonly calls: number;
  readonly unpriced_calls: number;
  /** null: no call has a known price. */
  readonly cost_micro: number | string | null;
}

export function getAiModels(
  question: { tenantId: string; window: RangeWindow },
  signal?: AbortSignal,
): Promise<AiModelCost[]> {
  const { tenantId, window } = question;
  return get('/v1/exports/ai-costs', { ...rfc3339(window), tenant_id: tenantId, format: 'json' }, signal);
}

export interface ExportLink {
  readonly label: string;
  readonly href: string;
}

/** Files of the window that the API makes. */
export function exportLinks(window: RangeWindow, currency: string | undefined): readonly ExportLink[] {
  const times = rfc3339(window);
  const table = (dataset: string, format: string) => urlOf(`/v1/exports/${dataset}`, { ...times, format });
  const focus = (format: string) => urlOf('/v1/export/focus', { ...times, currency, format });
  return [
    { label: 'Costs by part, CSV', href: table('costs', 'csv') },
    { label: 'Costs by part, Parquet', href: table('costs', 'parquet') },
    { label: 'Margins, CSV', href: table('margins', 'csv') },
    { label: 'Margins, Parquet', href: table('margins', 'parquet') },
    { label: 'AI costs by model, CSV', href: table('ai-costs', 'csv') },
    { label: 'FOCUS, CSV', href: focus('csv') },
    { label: 'FOCUS, Parquet', href: focus('parquet') },
  ];
}
