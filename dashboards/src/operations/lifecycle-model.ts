/** Where each customer stands in its life: what lists say of it, brought together. */
import type { ThrottleItem } from '../../../src/api/contract.ts';
import type { DeletionRequestItem } from '../../../src/api/deletions-contract.ts';
import type { DirectoryItem } from '../../../src/api/lifecycle-contract.ts';
import type { CapItem } from '../../../src/api/spend-contract.ts';

const DAY_MS = 86_400_000;
/** So long a customer without a plan is called new. */
export const NEW_DAYS = 14;
/** Who sent nothing for so long has gone quiet. */
const QUIET_MS = 7 * DAY_MS;

export type LifeStage = 'new' | 'active' | 'quiet' | 'silent' | 'suspended' | 'closed' | 'deletion';

export const STAGE_WORDS: Readonly<Record<LifeStage, string>> = {
  new: 'New, no plan',
  active: 'Active',
  quiet: 'Gone quiet',
  silent: 'Never sent anything',
  suspended: 'Suspended',
  closed: 'Closed',
  deletion: 'Deletion requested',
};

export interface LifecycleRow {
  readonly tenant: DirectoryItem;
  readonly stage: LifeStage;
  /** The cap on everything, else the first of those on single keys or models. */
  readonly cap: CapItem | undefined;
  /** In force now; an enforced one before those in shadow. */
  readonly throttle: ThrottleItem | undefined;
  readonly deletion: DeletionRequestItem | undefined;
}

interface Lists {
  readonly tenants: readonly DirectoryItem[];
  readonly lastSeenKnown: boolean;
  readonly caps: readonly CapItem[];
  readonly throttles: readonly ThrottleItem[];
  readonly deletions: readonly DeletionRequestItem[] | undefined;
}

/**
 * The one word for where a customer stands. What people have said comes before what telemetry tells; while telemetry
 * cannot be read, nobody is called quiet.
 */
export function stageOf(tenant: DirectoryItem, isToBeDeleted: boolean, lastSeenKnown: boolean, now: number): LifeStage {
  if (isToBeDeleted) return 'deletion';
  if (tenant.status !== 'active') return tenant.status;
  if (tenant.plan === null && now - Date.parse(tenant.first_seen_at) < NEW_DAYS * DAY_MS) return 'new';
  if (!lastSeenKnown) return 'active';
  const { last_seen: seen } = tenant;
  if (seen === null) return 'silent';
  return now - Date.parse(seen.at) - seen.step_seconds * 1_000 > QUIET_MS ? 'quiet' : 'active';
}

export function lifecycleRows(lists: Lists, now: number): readonly LifecycleRow[] {
  const caps = new Map<string, CapItem>();
  for (const cap of lists.caps) {
    const known = caps.get(cap.tenant_id);
    if (known === undefined || (cap.key === null && cap.model === null)) caps.set(cap.tenant_id, cap);
  }
  const throttles = new Map<string, ThrottleItem>();
  for (const throttle of lists.throttles) {
    const known = throttles.get(throttle.tenant_id);
    if (known === undefined || (known.mode === 'shadow' && throttle.mode === 'enforce')) {
      throttles.set(throttle.tenant_id, throttle);
    }
  }
  const deletions = new Map(
    (lists.deletions ?? []).filter(({ state }) => state !== 'cancelled').map((item) => [item.tenant_id, item]),
  );
  return lists.tenants.map((tenant) => {
    const deletion = deletions.get(tenant.tenant_id);
    return {
      ...{ tenant, deletion, cap: caps.get(tenant.tenant_id), throttle: throttles.get(tenant.tenant_id) },
      stage: stageOf(tenant, deletion !== undefined, lists.lastSeenKnown, now),
    };
  });
}

/** Customers that appeared by themselves, the newest first. */
export function newcomers(rows: readonly LifecycleRow[]): readonly LifecycleRow[] {
  return rows
    .filter(({ stage }) => stage === 'new')
    .toSorted((a, b) => Date.parse(b.tenant.first_seen_at) - Date.parse(a.tenant.first_seen_at));
}

export interface LifecycleFilters {
  readonly q: string;
  readonly stage: string;
  readonly plan: string;
  readonly placement: string;
}

/** Stands for `no plan`: a plan's name begins with a letter or digit. */
export const NO_PLAN = '(none)';

export function lifecycleFilters(query: URLSearchParams): LifecycleFilters {
  const of = (name: string) => query.get(name) ?? '';
  return { q: of('q').trim(), stage: of('stage'), plan: of('plan'), placement: of('placement') };
}

export function matchesLifecycle({ tenant, stage }: LifecycleRow, filters: LifecycleFilters): boolean {
  const text = `${tenant.tenant_id}\n${tenant.display_name ?? ''}`.toLowerCase();
  return (
    (filters.q === '' || text.includes(filters.q.toLowerCase())) &&
    (filters.stage === '' || stage === filters.stage) &&
    (filters.plan === '' || (tenant.plan ?? NO_PLAN) === filters.plan) &&
    (filters.placement === '' || tenant.placement === filters.placement)
  );
}

/** When a customer was last seen, no finer than it is known. `ago` and `day` write a length of time and a date. */
export function lastSeenText(
  tenant: Pick<DirectoryItem, 'last_seen'>,
  now: number,
  { ago, day }: { ago: (ms: number) => string; day: (ms: number) => string },
): string {
  const seen = tenant.last_seen;
  if (seen === null) return '–';
  const from = Date.parse(seen.at);
  if (seen.step_seconds >= 86_400) return day(from);
  const age = now - from - seen.step_seconds * 1_000;
  return age <= 0 ? 'now' : `${ago(age)} ago`;
}
