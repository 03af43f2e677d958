import type { TenantFigures, TenantList } from '../../../src/api/contract.ts';
import type { DirectoryItem, DirectoryList } from '../../../src/api/lifecycle-contract.ts';
import type { PlanItem, PlanList } from '../../../src/api/plans-contract.ts';
import type { TenantProfileItem, TenantProfileList } from '../../../src/api/profiles-contract.ts';
import type { QuotaItem, QuotaList } from '../../../src/api/quotas-contract.ts';
import type { ReportScheduleItem, ReportScheduleList } from '../../../src/api/reports-contract.ts';
import type { MarginAnswerBody, RevenueAnswer } from '../../../src/api/revenue-contract.ts';
import type {
  PlacementAdviceItem,
  PlacementAdviceList,
  SignalItem,
  SignalList,
} from '../../../src/api/signals-contract.ts';
import type { CapItem, CapList } from '../../../src/api/spend-contract.ts';
import type { UsageList } from '../../../src/api/usage-contract.ts';
import { get, rfc3339 } from '../shared/api-client.ts';
import type { RangeWindow } from '../shared/time-range.ts';
import { monthsOf, type Quarter, type QuarterMonth, quarterBefore } from './sheet-quarter.ts';

const METRICS = 'requests,errors,ai_input_tokens,ai_output_tokens';

export interface SheetFacts {
  /** undefined: nobody has ever named such a customer. */
  readonly tenant: DirectoryItem | undefined;
  readonly profile: TenantProfileItem | undefined;
  readonly usage: UsageList['items'][number] | undefined;
  readonly usageBefore: UsageList['items'][number] | undefined;
  readonly figures: TenantFigures | undefined;
  readonly figuresBefore: TenantFigures | undefined;
  readonly months: readonly QuarterMonth[];
  /** One list for each of `months`. */
  readonly quotas: readonly (readonly QuotaItem[])[];
  readonly plans: readonly PlanItem[];
  readonly revenue: RevenueAnswer['items'];
  readonly caps: readonly CapItem[];
  readonly signals: readonly SignalItem[];
}

/** What the operator alone should see. */
export interface InternalFacts {
  readonly margin: MarginAnswerBody['tenants'][number] | undefined;
  readonly currency: string;
  readonly advice: PlacementAdviceItem | undefined;
}

async function figuresOf(tenantId: string, window: RangeWindow, signal: AbortSignal) {
  const query = { ...rfc3339(window), q: tenantId, sort: 'tenant_id', order: 'asc', limit: 1_000 };
  const { items } = await get<TenantList>('/v1/tenants', query, signal);
  return items.find((item) => item.tenant_id === tenantId);
}

async function usageOf(tenantId: string, window: RangeWindow, step: 'day' | undefined, signal: AbortSignal) {
  const query = { ...rfc3339(window), tenant_id: tenantId, metrics: METRICS, step };
  return (await get<UsageList>('/v1/usage', query, signal)).items.find((item) => item.tenant_id === tenantId);
}

async function quotasAt(tenantId: string, at: number, isNow: boolean, signal: AbortSignal) {
  const query = { tenant_id: tenantId, limit: 500, at: isNow ? undefined : new Date(at).toISOString() };
  return (await get<QuotaList>('/v1/quotas', query, signal)).items;
}

/** Everything that a customer may see on the sheet. */
export async function sheetFacts(
  tenantId: string,
  quarter: Quarter,
  now: number,
  signal: AbortSignal,
): Promise<SheetFacts> {
  const own = { tenant_id: tenantId };
  const window = { from: quarter.from, to: Math.min(quarter.to, now) };
  const previous = quarterBefore(quarter);
  const months = monthsOf(quarter, now);
  const directory = await get<DirectoryList>('/v1/tenant-directory', own, signal);
  const [tenant] = directory.items;
  if (tenant === undefined) return { ...NOBODY, months };
  const [profiles, usage, usageBefore, figures, figuresBefore, quotas, plans, revenue, caps, signals] =
    await Promise.all([
      get<TenantProfileList>('/v1/tenant-profiles', { q: tenantId, limit: 1_000 }, signal),
      usageOf(tenantId, window, 'day', signal),
      usageOf(tenantId, previous, undefined, signal),
      figuresOf(tenantId, window, signal),
      figuresOf(tenantId, previous, signal),
      Promise.all(months.map(({ at, isRunning }) => quotasAt(tenantId, at, isRunning, signal))),
      get<PlanList>('/v1/plans', {}, signal),
      get<RevenueAnswer>('/v1/revenue', rfc3339(window), signal),
      get<CapList>('/v1/caps', { ...own, limit: 200 }, signal),
      get<SignalList>('/v1/signals', { ...own, limit: 500 }, signal),
    ]);
  return {
    ...{ tenant, usage, usageBefore, figures, figuresBefore, months, quotas, plans: plans.items },
    profile: profiles.items.find((item) => item.tenant_id === tenantId),
    revenue: revenue.items.filter((item) => item.tenant_id === tenantId),
    ...{ caps: caps.items, signals: signals.items },
  };
}

const NOBODY: Omit<SheetFacts, 'months'> = {
  ...{ tenant: undefined, profile: undefined, usage: undefined, usageBefore: undefined, figures: undefined },
  ...{ figuresBefore: undefined, quotas: [], plans: [], revenue: [], caps: [], signals: [] },
};

export async function internalFacts(
  tenantId: string,
  quarter: Quarter,
  now: number,
  signal: AbortSignal,
): Promise<InternalFacts> {
  const window = rfc3339({ from: quarter.from, to: Math.min(quarter.to, now) });
  const [margins, advice] = await Promise.all([
    get<MarginAnswerBody>('/v1/margins', { ...window, group_by: 'tenant', tenant_id: tenantId }, signal),
    get<PlacementAdviceList>('/v1/placement-advice', {}, signal),
  ]);
  return {
    margin: margins.tenants.find((item) => item.tenant_id === tenantId),
    currency: margins.currency,
    advice: advice.items.find((item) => item.tenant_id === tenantId),
  };
}

/** Deliveries of figures about this customer, or about all of them. */
export async function schedulesFor(tenantId: string, signal: AbortSignal): Promise<readonly ReportScheduleItem[]> {
  const { items } = await get<ReportScheduleList>('/v1/report-schedules', {}, signal);
  return items.filter((item) => item.tenant_id === null || item.tenant_id === tenantId);
}
