import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import type { QuotaStanding } from '../domain/quota.ts';
import type { ReportColumn, ReportQuestion, ReportTable, ReportValue } from '../domain/report.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { USAGE_UNITS, type UsageKey, type UsageMetric } from '../domain/usage.ts';
import type { Window } from '../domain/window.ts';

interface UsageQuestion {
  readonly window: Window;
  readonly metrics: readonly UsageKey[];
  readonly tenants?: readonly TenantId[] | undefined;
}

interface MeasuredTenant {
  readonly tenantId: TenantId;
  readonly steps: readonly { readonly at: number; readonly values: ReadonlyMap<UsageKey, bigint> }[];
}

/** What tables are made of. Each tells of one tenant or of all. */
export interface ReportSources {
  readonly usage: {
    totals(
      question: UsageQuestion,
    ): Promise<readonly { readonly tenantId: TenantId; readonly values: ReadonlyMap<UsageKey, bigint> }[]>;
    series(question: UsageQuestion & { readonly step: 'day' | 'month' }): Promise<readonly MeasuredTenant[]>;
  };
  quotas(actor: Actor, tenantId: TenantId | undefined, at: number): Promise<readonly QuotaStanding[]>;
  aiCosts(
    window: Window,
    tenants: readonly TenantId[] | undefined,
  ): Promise<
    ReadonlyMap<
      TenantId,
      {
        readonly byModel: readonly {
          readonly provider: string;
          readonly model: string;
          readonly calls: number;
          readonly unpricedCalls: number;
          readonly costMicro: bigint | null;
        }[];
      }
    >
  >;
  /** Rows of `tenant_id`, `part`, `currency`, `cost_micro`; lines of nobody in particular have no tenant. */
  costs(
    actor: Actor,
    window: Window,
    tenantId: TenantId | undefined,
  ): Promise<
    readonly {
      readonly tenantId: TenantId | null;
      readonly part: string;
      readonly currency: string;
      readonly costMicro: bigint;
    }[]
  >;
  margins(
    actor: Actor,
    window: Window,
    tenantId: TenantId | undefined,
  ): Promise<
    readonly {
      readonly tenantId: TenantId;
      readonly plan: string | null;
      readonly currency: string;
      readonly revenueMicro: bigint | null;
      readonly costMicro: bigint | null;
      readonly marginMicro: bigint | null;
    }[]
  >;
}

const METRICS = Object.keys(USAGE_UNITS) as UsageMetric[];

const text = (name: string): ReportColumn => ({ name, type: 'text' });
const integer = (name: string): ReportColumn => ({ name, type: 'integer' });
const time = (name: string): ReportColumn => ({ name, type: 'time' });

/**
 * The table that a question asks for, rows in order of tenants. Every table begins with the tenant.
 * @throws TenantryError TENANT_MIXUP when a source answered with rows of another tenant than was asked for
 */
export async function reportTable(
  sources: ReportSources,
  actor: Actor,
  question: ReportQuestion,
): Promise<ReportTable> {
  const table = await tableOf(sources, actor, question);
  const { tenantId } = question;
  if (tenantId !== undefined && table.rows.some(([tenant]) => tenant !== tenantId)) {
    throw new TenantryError('TENANT_MIXUP', 'a source of reports answered with rows of another tenant');
  }
  return table;
}

async function tableOf(sources: ReportSources, actor: Actor, question: ReportQuestion): Promise<ReportTable> {
  const { dataset, window, tenantId } = question;
  switch (dataset) {
    case 'usage':
      return usageTable(sources, question);
    case 'quotas':
      // The period that holds the last moment of the window: a window of a month asks for that month's.
      return quotaTable(await sources.quotas(actor, tenantId, window.to - 1));
    case 'ai-costs':
      return aiCostTable(sources, question);
    case 'costs': {
      const rows = await sources.costs(actor, window, tenantId);
      return {
        columns: [text('tenant_id'), text('part'), text('currency'), integer('cost_micro')],
        rows: rows.map((row) => [row.tenantId, row.part, row.currency, row.costMicro]),
      };
    }
    case 'margins': {
      const rows = await sources.margins(actor, window, tenantId);
      return {
        columns: [
          ...[text('tenant_id'), text('plan'), text('currency')],
          ...[integer('revenue_micro'), integer('cost_micro'), integer('margin_micro')],
        ],
        rows: rows.map((row) => [
          ...[row.tenantId, row.plan, row.currency],
          ...[row.revenueMicro, row.costMicro, row.marginMicro],
        ]),
      };
    }
  }
}

async function usageTable({ usage }: ReportSources, { window, step, tenantId }: ReportQuestion): Promise<ReportTable> {
  const asked = { window, metrics: METRICS, ...(tenantId === undefined ? {} : { tenants: [tenantId] }) };
  const values = (of: ReadonlyMap<UsageKey, bigint>): ReportValue[] => METRICS.map((metric) => of.get(metric) ?? null);
  const columns = [text('tenant_id'), time('from'), ...METRICS.map((metric) => integer(metric))];
  if (step === 'total') {
    const totals = await usage.totals(asked);
    return { columns, rows: totals.map((one) => [one.tenantId, window.from, ...values(one.values)]) };
  }
  const series = await usage.series({ ...asked, step });
  return {
    columns,
    rows: series.flatMap((one) => one.steps.map((at) => [one.tenantId, at.at, ...values(at.values)])),
  };
}

function quotaTable(standings: readonly QuotaStanding[]): ReportTable {
  return {
    columns: [
      ...[text('tenant_id'), text('plan'), text('key'), text('period'), time('from'), time('to'), text('kind')],
      ...[integer('used'), integer('limit'), { name: 'share', type: 'ratio' as const }, text('state')],
    ],
    rows: standings.map(({ tenantId, plan, quota, window, used, share, state }) => [
      ...[tenantId, plan, quota.key, quota.period, window.from, window.to, quota.kind],
      ...[used, quota.limit, share, state],
    ]),
  };
}

async function aiCostTable({ aiCosts }: ReportSources, { window, tenantId }: ReportQuestion): Promise<ReportTable> {
  const costs = await aiCosts(window, tenantId === undefined ? undefined : [tenantId]);
  return {
    columns: [
      ...[text('tenant_id'), text('provider'), text('model'), integer('calls')],
      ...[integer('unpriced_calls'), text('currency'), integer('cost_micro')],
    ],
    rows: [...costs].flatMap(([tenant, { byModel }]) =>
      byModel.map((one): ReportValue[] => [
        ...[tenant, one.provider, one.model, BigInt(one.calls)],
        ...[BigInt(one.unpricedCalls), 'USD', one.costMicro],
      ]),
    ),
  };
}
