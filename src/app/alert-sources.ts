import type { Logger } from 'pino';
import {
  dataHealthCondition,
  findingCondition,
  flappingCondition,
  pageCondition,
  selfCheckCondition,
  spendCondition,
  throttleCondition,
} from '../control/alert-conditions.ts';
import { reconcile } from '../control/alert-reconcile.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { AlertCondition, AlertKind } from '../domain/alert.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import type { Approval } from '../domain/automation.ts';
import type { BreakerOverview } from '../domain/breaker.ts';
import { toError } from '../domain/errors.ts';
import type { SpendAlert } from '../domain/spend.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';
import { HOUR_MS, MINUTE_MS } from '../domain/window.ts';
import type { AlertStore } from '../store/postgres/alert-store.ts';
import { approvalCondition } from './control-approvals.ts';
import type { DetectorFigures, Leadership } from './detector-loop.ts';

const WATCHER: StaffActor = { kind: 'system', subject: 'alerts' };
const MOST_THROTTLES = 1_000;
/** A detector without fresh data for so long is worth waking somebody; shorter gaps are a restart or a slow load. */
const STALE_AFTER_MS = 5 * MINUTE_MS;
const PRUNE_EVERY_MS = HOUR_MS;
/** One transaction each: the rest waits for the next run, so that ends are never held up for long. */
const MOST_RAISED_AT_ONCE = 200;

export interface AlertSourcesOptions {
  readonly leadership: Leadership;
  readonly alerts: Pick<AlertStore, 'open' | 'raise' | 'resolve' | 'prune'>;
  readonly findings: () => Promise<readonly Anomaly[]>;
  readonly throttles: (
    actor: StaffActor,
    filter: { activeOnly: boolean; limit: number },
  ) => Promise<readonly ThrottleRecord[]>;
  readonly breakers: (
    actor: StaffActor,
    filter: Readonly<Record<string, never>>,
    now: number,
  ) => Promise<readonly BreakerOverview[]>;
  readonly spend: () => Promise<readonly SpendAlert[]>;
  readonly detector: () => DetectorFigures;
  /** Why nothing is throttled automatically at the moment though tenants are out of line; null: it is not so. */
  readonly page?: () => string | null;
  /** What is wrong with the self-check, and since when (Unix ms); null: nothing, or there is none. */
  readonly selfCheck?: () => { readonly reason: string; readonly since: number } | null;
  /** What waits for a person's answer. */
  readonly approvals?: () => Promise<readonly Approval[]>;
  /** Tenants that nobody wants to hear of any more; absent: none. */
  readonly closedTenants?: () => Promise<ReadonlySet<string>>;
  readonly log: Logger;
  readonly now?: () => number;
}

/**
 * Keeps the open alerts equal to what is so: findings, throttles, caps, breakers and the detector itself are asked, and
 * the difference is raised or resolved. Nothing is lost when a run fails or a server dies; the next one makes up for it.
 */
export class AlertSources {
  readonly #options: AlertSourcesOptions;
  readonly #now: () => number;
  #missingSince: ReadonlyMap<string, number> = new Map();
  readonly #since = new Map<string, number>();
  #prunedAt = Number.NEGATIVE_INFINITY;

  constructor(options: AlertSourcesOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async tick(): Promise<void> {
    const { leadership, alerts } = this.#options;
    if (!(await leadership.isLeader())) {
      this.#missingSince = new Map();
      return;
    }
    const now = this.#now();
    const { conditions, known } = await this.#look(now);
    const open = await alerts.open();
    const { raise, resolve, missingSince } = reconcile(open, conditions, {
      ...{ known, missingSince: this.#missingSince, now },
    });
    for (const alert of resolve) await alerts.resolve(alert.id);
    this.#missingSince = missingSince;
    for (const condition of raise.slice(0, MOST_RAISED_AT_ONCE)) await alerts.raise(condition);
    if (now - this.#prunedAt < PRUNE_EVERY_MS) return;
    await alerts.prune();
    this.#prunedAt = now;
  }

  /** What every source says. A source that fails says nothing, which is not "nothing is wrong". */
  async #look(now: number): Promise<{ conditions: readonly AlertCondition[]; known: ReadonlySet<AlertKind> }> {
    const { findings, throttles, breakers, spend, log } = this.#options;
    const sources: Readonly<Record<AlertKind, () => Promise<readonly AlertCondition[]>>> = {
      finding: async () => (await findings()).map(findingCondition),
      throttle: async () => {
        const inForce = await throttles(WATCHER, { activeOnly: true, limit: MOST_THROTTLES });
        // People's own throttles are no news to them.
        const waiting = (await this.#options.approvals?.()) ?? [];
        return [
          ...inForce.filter(({ anomalyId }) => anomalyId !== null).map(throttleCondition),
          ...waiting.map(approvalCondition),
        ];
      },
      spend_threshold: async () => (await spend()).map(spendCondition),
      breaker_flapping: async () =>
        (await breakers(WATCHER, {}, now)).flatMap((breaker) => flappingCondition(breaker) ?? []),
      page: async () => this.#page(now),
      self_check: async () => {
        const failing = this.#options.selfCheck?.() ?? null;
        return failing === null ? [] : [selfCheckCondition(failing.reason, failing.since)];
      },
      data_health: async () => this.#dataHealth(now),
    };
    const said = await Promise.all(
      Object.entries(sources).map(async ([kind, ask]) => {
        try {
          return { kind: kind as AlertKind, conditions: await ask() };
        } catch (thrown) {
          log.warn({ err: toError(thrown), kind }, 'a source of alerts could not be asked');
          return undefined;
        }
      }),
    );
    const answered = said.filter((one) => one !== undefined);
    const closed = await this.#closedTenants();
    return {
      conditions: answered.flatMap(({ conditions }) => conditions).filter(({ tenantId }) => !closed.has(tenantId)),
      known: new Set(answered.map(({ kind }) => kind)),
    };
  }

  /** An alert too many is better than one too few. */
  async #closedTenants(): Promise<ReadonlySet<string>> {
    try {
      return (await this.#options.closedTenants?.()) ?? new Set();
    } catch (thrown) {
      this.#options.log.warn({ err: toError(thrown) }, 'which tenants are closed could not be asked');
      return new Set();
    }
  }

  #page(now: number): readonly AlertCondition[] {
    const explanation = this.#options.page?.() ?? null;
    const since = this.#sinceWhen('page', explanation !== null, now);
    return explanation === null || since === undefined ? [] : [pageCondition(explanation, since)];
  }

  #dataHealth(now: number): readonly AlertCondition[] {
    const { suspended, leader } = this.#options.detector();
    // Another server's detector is that server's to tell of.
    const since = this.#sinceWhen('detector', leader && suspended !== null, now);
    if (since === undefined || suspended === null || now - since < STALE_AFTER_MS) return [];
    return [dataHealthCondition('detector', `The detector has not judged for 5 minutes or more: ${suspended}.`, since)];
  }

  #sinceWhen(name: string, holds: boolean, now: number): number | undefined {
    if (!holds) {
      this.#since.delete(name);
      return undefined;
    }
    const since = this.#since.get(name) ?? now;
    this.#since.set(name, since);
    return since;
  }
}
