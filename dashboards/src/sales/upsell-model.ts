/** Who to talk to: signals by customer, with what is known of each, filtered and in order. */
import type { DirectoryItem } from '../../../src/api/lifecycle-contract.ts';
import type { PlanItem } from '../../../src/api/plans-contract.ts';
import type { TenantProfileItem } from '../../../src/api/profiles-contract.ts';
import type { QuotaItem } from '../../../src/api/quotas-contract.ts';
import type { RevenueAnswer } from '../../../src/api/revenue-contract.ts';
import type { SignalItem } from '../../../src/api/signals-contract.ts';
import type { CsvValue } from '../shared/csv.ts';
import { SIGNAL_WORDS } from './upsell-evidence.ts';
import { type Money, type PlanFit, planThatFits } from './upsell-plans.ts';

/** What the server was asked for; profiles and revenue are undefined where they could not be had. */
export interface UpsellFacts {
  readonly signals: readonly SignalItem[];
  readonly plans: readonly PlanItem[];
  readonly quotas: readonly QuotaItem[];
  readonly tenants: readonly DirectoryItem[];
  readonly profiles: readonly TenantProfileItem[];
  readonly revenue: RevenueAnswer['items'];
}

export interface Customer {
  readonly tenantId: string;
  readonly name: string | null;
  readonly plan: string | null;
  readonly segment: string | null;
  readonly owner: string | null;
  /** What it pays a month; null: not known. */
  readonly paid: Money | null;
}

export interface Lead extends Customer {
  readonly signals: readonly SignalItem[];
  readonly fit: PlanFit;
  /** What a talk could bring a month: the larger plan's price over the present one's, or the loss that would end. */
  readonly worth: Money | null;
}

type FilterName = 'signal' | 'plan' | 'segment' | 'owner' | 'q';
export type Filters = Readonly<Record<FilterName, string>>;
/** Stands for `nobody said` in filters: no segment, plan or owner can be called so, parentheses begin none. */
export const UNSAID = '(none)';

export function filtersOf(query: URLSearchParams): Filters {
  const of = (name: FilterName) => query.get(name) ?? '';
  return { signal: of('signal'), plan: of('plan'), segment: of('segment'), owner: of('owner'), q: of('q').trim() };
}

const fits = (wanted: string, value: string | null) => wanted === '' || wanted === (value ?? UNSAID);

/** Whether a customer passes all filters but that of signals. */
export function matchesCustomer(filters: Filters, customer: Customer): boolean {
  const { q } = filters;
  const text = `${customer.tenantId}\n${customer.name ?? ''}`.toLowerCase();
  return (
    fits(filters.plan, customer.plan) &&
    fits(filters.segment, customer.segment) &&
    fits(filters.owner, customer.owner) &&
    (q === '' || text.includes(q.toLowerCase()))
  );
}

/** What a filter can be set to: every value there is, in order, `(none)` last. */
export function choicesOf(values: readonly (string | null)[]): readonly string[] {
  const said = [...new Set(values.filter((value) => value !== null))].toSorted((a, b) => a.localeCompare(b, 'en'));
  return values.includes(null) ? [...said, UNSAID] : said;
}

/** Every customer by id, as far as anybody knows something about it. */
export function customersOf(facts: Omit<UpsellFacts, 'signals' | 'quotas' | 'plans'>): ReadonlyMap<string, Customer> {
  const profiles = new Map(facts.profiles.map((profile) => [profile.tenant_id, profile]));
  const revenue = new Map(facts.revenue.map((row) => [row.tenant_id, row]));
  return new Map(
    facts.tenants.map((tenant) => {
      const profile = profiles.get(tenant.tenant_id);
      const row = revenue.get(tenant.tenant_id);
      const customer: Customer = {
        ...{ tenantId: tenant.tenant_id, name: profile?.display_name ?? tenant.display_name, plan: tenant.plan },
        ...{ segment: profile?.segment ?? null, owner: profile?.owner ?? null },
        paid:
          row === undefined || row.mrr_micro === null ? null : { micro: Number(row.mrr_micro), currency: row.currency },
      };
      return [tenant.tenant_id, customer];
    }),
  );
}

/** Somebody that a list names and the directory does not know yet. */
export function stranger(tenantId: string): Customer {
  return { tenantId, name: null, plan: null, segment: null, owner: null, paid: null };
}

function lossOf(signals: readonly SignalItem[]): Money | null {
  const figures = signals.find(({ kind }) => kind === 'negative_margin')?.evidence.figures;
  const cost = figures?.['cost_micro'];
  const revenue = figures?.['revenue_micro'];
  if (typeof cost !== 'number' || typeof revenue !== 'number') return null;
  return { micro: cost - revenue, currency: String(figures?.['currency'] ?? 'USD') };
}

function byTenant<Item extends { tenant_id: string }>(items: readonly Item[]): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(item.tenant_id);
    if (group === undefined) groups.set(item.tenant_id, [item]);
    else group.push(item);
  }
  return groups;
}

const strongest = (signals: readonly SignalItem[]) => Math.max(...signals.map(({ strength }) => strength));

/** One lead for each customer with a signal that passes the filters: the strongest signal first, then by worth. */
export function leadsOf(
  facts: UpsellFacts,
  customers: ReadonlyMap<string, Customer>,
  filters: Filters,
): readonly Lead[] {
  const bySignal = byTenant(facts.signals);
  const byQuota = byTenant(facts.quotas);
  const leads = [...bySignal].flatMap(([tenantId, signals]) => {
    const customer = customers.get(tenantId) ?? stranger(tenantId);
    const shown = signals.filter(({ kind }) => filters.signal === '' || kind === filters.signal);
    if (shown.length === 0 || !matchesCustomer(filters, customer)) return [];
    const fit = planThatFits(facts.plans, customer.plan, {
      ...{ signals, quotas: byQuota.get(tenantId) ?? [], paid: customer.paid },
    });
    const sorted = shown.toSorted((a, b) => b.strength - a.strength || a.kind.localeCompare(b.kind, 'en'));
    return [{ ...customer, signals: sorted, fit, worth: fit.worth ?? lossOf(shown) }];
  });
  return leads.toSorted(
    (a, b) =>
      strongest(b.signals) - strongest(a.signals) ||
      (b.worth?.micro ?? 0) - (a.worth?.micro ?? 0) ||
      a.tenantId.localeCompare(b.tenantId, 'en'),
  );
}

export const LEAD_CSV_HEADER = [
  ...['tenant_id', 'name', 'segment', 'owner', 'plan', 'plan_that_fits', 'worth_micro', 'worth_currency'],
  ...['signal', 'since', 'strength', 'status', 'sentence'],
] as const;

/** One line for each signal, so that a spreadsheet can filter by it. */
export function leadRows(leads: readonly Lead[]): readonly (readonly CsvValue[])[] {
  return leads.flatMap((lead) =>
    lead.signals.map((signal) => [
      ...[lead.tenantId, lead.name, lead.segment, lead.owner, lead.plan, lead.fit.plan],
      ...[lead.worth?.micro ?? null, lead.worth?.currency ?? null],
      ...[SIGNAL_WORDS[signal.kind], signal.since, signal.strength, signal.status, signal.sentence],
    ]),
  );
}
