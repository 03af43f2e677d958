import type {
  Directory,
  DirectoryEntry,
  DirectoryPage,
  Lifecycle,
  PlanMoment,
  TenantRetentionStanding,
} from '../../src/api/lifecycle-ports.ts';
import type { TenantMetrics, TenantMetricsRow } from '../../src/api/tenant-metrics-ports.ts';
import { judgeState } from '../../src/control/tenant-state.ts';
import type { Actor, StaffActor } from '../../src/domain/actor.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { SuspendFlag } from '../../src/domain/flags.ts';
import { differingTerms, type NewTenant, type Onboarded } from '../../src/domain/onboarding.ts';
import { NO_RETENTION, type RetentionDays, type RetentionRun } from '../../src/domain/retention.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { ScheduledPlan, TenantPlanStanding } from '../../src/domain/tenant-plan.ts';
import type { StateCommand, TenantStanding } from '../../src/domain/tenant-state.ts';
import type { MemoryFeed } from './api-memory-feed.ts';

/** The directory of tenants in memory: searched and paged as the real one is. */
export class MemoryDirectory implements Directory {
  entries: DirectoryEntry[] = [];
  lastSeenKnown = true;
  readonly pages: DirectoryPage[] = [];

  async list(_actor: Actor, page: DirectoryPage) {
    this.pages.push(page);
    const text = page.search?.toLowerCase() ?? '';
    const matching = this.entries.filter(
      ({ tenantId, displayName }) =>
        (page.tenantId === undefined || tenantId === page.tenantId) &&
        (tenantId.toLowerCase().includes(text) || (displayName ?? '').toLowerCase().includes(text)),
    );
    const entries = matching.slice(page.offset, page.offset + page.limit);
    return { total: matching.length, lastSeenKnown: this.lastSeenKnown, entries };
  }
}

export class MemoryTenantMetrics implements TenantMetrics {
  rows: TenantMetricsRow[] = [];
  throttledTenants = 0;

  async read(now: number) {
    const { rows, throttledTenants } = this;
    return { window: { from: now - 300_000, to: now }, rows, throttledTenants };
  }
}

/** Which plans tenants are on. */
export class MemoryPlans {
  readonly planOf = new Map<string, string>();
  /** Thrown by every question, as the store does when Postgres is down. */
  failure: Error | undefined;

  async plans(actor: Actor, tenants: readonly TenantId[]): Promise<ReadonlyMap<TenantId, string>> {
    this.#refuse(actor);
    const only = 'tenantId' in actor ? actor.tenantId : undefined;
    return new Map(
      tenants.flatMap((tenant) => {
        const plan = this.planOf.get(tenant);
        const isHidden = only !== undefined && tenant !== only;
        return plan === undefined || isHidden ? [] : [[tenant, plan] as const];
      }),
    );
  }

  async exists(actor: Actor, tenant: TenantId): Promise<boolean> {
    this.#refuse(actor);
    return this.planOf.has(tenant);
  }

  async setPlan(actor: StaffActor, tenant: TenantId, plan: string | null): Promise<void> {
    this.#refuse(actor);
    if (plan === null) this.planOf.delete(tenant);
    else this.planOf.set(tenant, plan);
  }

  /** As the store does: keys that are bound to no tenant do not read the control plane. */
  #refuse(actor: Actor): void {
    if (this.failure !== undefined) throw this.failure;
    if (actor.kind === 'key' && actor.tenantId === undefined) throw new TenantryError('FORBIDDEN', 'not for keys');
  }
}

const INSTALLATION = { spans: 7, points: 7, minutes: 30, hours: 400, days: 1_830 } as const;

/** A tenant's life in memory, decided as the real one is. Apps hear of suspensions by `feed`. */
export class MemoryLifecycle implements Lifecycle {
  readonly standings = new Map<TenantId, TenantStanding>();
  readonly scheduled = new Map<TenantId, ScheduledPlan>();
  readonly onboarded = new Map<TenantId, Onboarded>();
  readonly kept = new Map<string, RetentionDays>();
  readonly runs: RetentionRun[] = [];
  /** False: automation may what people may, so that one request is right for every role that may send it. */
  tellsPeopleFromMachines = false;
  readonly #known: { readonly planOf: Map<string, string> };
  readonly #feed: MemoryFeed;
  readonly #now: () => number;

  constructor(known: { readonly planOf: Map<string, string> }, feed: MemoryFeed, now: () => number) {
    this.#known = known;
    this.#feed = feed;
    this.#now = now;
  }

  #standing(tenantId: TenantId): TenantStanding | undefined {
    if (!this.#known.planOf.has(tenantId) && !this.onboarded.has(tenantId)) return undefined;
    return (
      this.standings.get(tenantId) ?? {
        ...{ tenantId, version: 0, status: 'active', effect: null, reasonCode: null, reason: null, until: null },
        ...{ changedAt: null, changedBy: null, byPerson: false },
      }
    );
  }

  readonly states = {
    standing: async (tenantId: TenantId) => this.#standing(tenantId),
    command: async (actor: StaffActor, tenantId: TenantId, command: StateCommand, version: number | undefined) => {
      const before = this.#standing(tenantId);
      if (before === undefined) return undefined;
      const isMachine = actor.kind !== 'staff' || actor.role === 'automation';
      const isPerson = !(this.tellsPeopleFromMachines && isMachine);
      const verdict = judgeState(before, command, { isPerson, version }, this.#now());
      if (verdict.kind === 'refused') throw new TenantryError(verdict.code, verdict.detail, { hint: verdict.hint });
      if (verdict.kind === 'unchanged') return before;
      const decided = { changedAt: this.#now(), changedBy: actor.subject, byPerson: isPerson };
      const next = { ...before, ...verdict.next, ...decided, version: before.version + 1 };
      this.standings.set(tenantId, next);
      this.#feed.remove(`suspend-${tenantId}`);
      if (next.status !== 'active') {
        this.#feed.put<SuspendFlag>({
          ...{ kind: 'suspend', id: `suspend-${tenantId}`, tenantId, status: next.status, reason: next.reason },
          ...{ effect: next.effect ?? 'refuse', reasonCode: next.reasonCode ?? 'other' },
          expiresAt: next.until ?? this.#now() + 604_800_000,
        });
      }
      return next;
    },
  };

  readonly plans = {
    standing: async (actor: Actor, tenantId: TenantId): Promise<TenantPlanStanding | undefined> => {
      const own = actor.kind === 'tenant' ? actor.tenantId : tenantId;
      if (own !== tenantId) return undefined;
      const plan = this.#known.planOf.get(tenantId) ?? null;
      const steps = plan === null ? [] : [{ plan, effectiveFrom: this.#now() - 1_000, setBy: 'ada' }];
      return {
        ...{ tenantId, plan, trialEndsAt: null, billingDay: null, steps },
        scheduled: this.scheduled.get(tenantId) ?? null,
      };
    },
    change: async (actor: StaffActor, tenantId: TenantId, plan: string | null, moment: PlanMoment) => {
      if (moment !== 'now') {
        const effectiveFrom = moment === 'period_end' ? this.#now() + 86_400_000 : moment;
        this.scheduled.set(tenantId, { plan, effectiveFrom, why: 'change', setBy: actor.subject });
      } else if (plan === null) this.#known.planOf.delete(tenantId);
      else this.#known.planOf.set(tenantId, plan);
    },
    cancel: async (_actor: StaffActor, tenantId: TenantId) => this.scheduled.delete(tenantId),
  };

  readonly onboarding = {
    wanted: [] as NewTenant[],
    onboard: async (actor: StaffActor, wanted: NewTenant, _idempotencyKey: string | undefined): Promise<Onboarded> => {
      this.onboarding.wanted.push(wanted);
      const { tenantId, terms, ingestKey } = wanted;
      const before = this.onboarded.get(tenantId);
      if (before !== undefined) {
        const [first] = differingTerms(before.terms, terms);
        if (first !== undefined) throw new TenantryError('CONFLICT', `${first} differs`, { pointer: `/${first}` });
        return { ...before, replayed: true, key: null };
      }
      const made = {
        ...{ tenantId, terms, created: !this.#known.planOf.has(tenantId), replayed: false },
        ...{ keyId: ingestKey === undefined ? null : 'k-1', key: ingestKey === undefined ? null : 'tk_secret' },
        ...{ onboardedBy: actor.subject, onboardedAt: this.#now() },
      };
      this.onboarded.set(tenantId, made);
      return made;
    },
  };

  readonly retention = {
    overview: async (_actor: StaffActor, now: number) => ({
      ...{ installation: INSTALLATION, runs: this.runs, hour: 3, nextRunAt: now + 1 },
      plans: [...this.kept].flatMap(([name, days]) =>
        name.startsWith('plan ') ? [{ plan: name.slice(5), days }] : [],
      ),
      tenants: [...this.#known.planOf.keys()].flatMap((id) =>
        this.kept.has(`tenant ${id}`) ? [this.#retention(id as TenantId)] : [],
      ),
    }),
    ofTenant: async (tenantId: TenantId) => (this.#known.planOf.has(tenantId) ? this.#retention(tenantId) : undefined),
    put: async (_actor: StaffActor, owner: { plan: string } | { tenantId: TenantId }, days: RetentionDays) => {
      this.kept.set('plan' in owner ? `plan ${owner.plan}` : `tenant ${owner.tenantId}`, days);
    },
    run: async (actor: StaffActor): Promise<RetentionRun> => {
      const run: RetentionRun = {
        ...{ id: `run-${this.runs.length}`, state: 'asked', startedAt: this.#now(), finishedAt: null },
        ...{ askedBy: actor.subject, tenants: 0, tablesTotal: 0, tablesDone: 0, rowsRemoved: 0, problem: null },
      };
      this.runs.unshift(run);
      return run;
    },
  };

  #retention(tenantId: TenantId): TenantRetentionStanding {
    const own = this.kept.get(`tenant ${tenantId}`) ?? NO_RETENTION;
    const of = (level: keyof typeof INSTALLATION) => ({
      days: own[level] ?? INSTALLATION[level],
      source: own[level] === null ? ('installation' as const) : ('tenant' as const),
    });
    const levels = {
      ...{ spans: of('spans'), points: of('points'), minutes: of('minutes'), hours: of('hours'), days: of('days') },
    };
    return { tenantId, plan: this.#known.planOf.get(tenantId) ?? null, levels, own, legalHold: false };
  }
}
