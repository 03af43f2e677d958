import type { Logger } from 'pino';
import type { SpendDesk } from '../control/spend-desk.ts';
import { alertKey, decideLadder } from '../control/spend-ladder.ts';
import { type HeldCap, stepAt, usedOf } from '../control/spend-ledger.ts';
import type { StaffActor } from '../domain/actor.ts';
import { toError } from '../domain/errors.ts';
import { accountKey, SPEND_LADDER, type SpendAccountId, type SpendAlert } from '../domain/spend.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { HOUR_MS, SECOND_MS } from '../domain/window.ts';
import type { CapStore } from '../store/postgres/cap-store.ts';
import type { SpendBook } from '../store/postgres/spend-book.ts';
import type { SpendFlagStore } from '../store/postgres/spend-flag-store.ts';
import type { Leadership } from './detector-loop.ts';
import type { Observed } from './spend-observed.ts';
import type { HeldCaps } from './spend-standing.ts';

const WATCHER: StaffActor = { kind: 'system', subject: SPEND_LADDER };
const TENANTS_AT_ONCE = 200;
/** Far more caps than any tenant has. */
const CAPS_AT_ONCE = 20_000;
/** How often spans are asked: rollups lag by seconds anyway. */
const OBSERVE_EVERY_MS = 15 * SECOND_MS;
const PRUNE_EVERY_MS = HOUR_MS;
/** Two years of accounts: last year's months beside this year's. */
const ACCOUNTS_KEPT_DAYS = 750;

export interface SpendLoopOptions {
  readonly leadership: Leadership;
  readonly desk: Pick<SpendDesk, 'expireDue' | 'observe'>;
  readonly caps: Pick<CapStore, 'cappedTenants' | 'standing'>;
  readonly book: Pick<SpendBook, 'prune'>;
  readonly flags: SpendFlagStore;
  readonly held: HeldCaps;
  /** What the spans say; rejects while they cannot be asked. */
  readonly observed: (accounts: readonly SpendAccountId[], now: number) => Promise<readonly Observed[]>;
  /** Told of every new alert, once. */
  readonly onAlert: (alert: SpendAlert) => void;
  readonly log: Logger;
  /** Monotonic ms. */
  readonly now?: () => number;
}

/**
 * What has to be done about spend though nobody asks: charge what has expired, note what spans say, move tenants on the
 * ladder. One server at a time; a run that fails is made up for by the next.
 */
export class SpendLoop {
  readonly #options: SpendLoopOptions;
  readonly #now: () => number;
  #observedAt = Number.NEGATIVE_INFINITY;
  #prunedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SpendLoopOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  async tick(): Promise<void> {
    const { leadership, desk, book, caps, flags, log } = this.#options;
    if (!(await leadership.isLeader())) return;
    const expired = await desk.expireDue();
    if (expired > 0) log.info({ reservations: expired }, 'reservations without a settlement were charged');
    const observes = this.#now() - this.#observedAt >= OBSERVE_EVERY_MS;
    // Tenants whose last cap was taken away still have to be let go.
    const degraded = new Set(await flags.degradedTenants());
    let after = '';
    for (;;) {
      const tenants = await caps.cappedTenants(WATCHER, after, TENANTS_AT_ONCE);
      if (tenants.length === 0) break;
      await this.#watch(tenants, { observes, degraded });
      for (const tenant of tenants) degraded.delete(tenant);
      after = tenants.at(-1) ?? '';
    }
    if (degraded.size > 0) await this.#watch([...degraded], { observes: false, degraded });
    if (observes) this.#observedAt = this.#now();
    if (this.#now() - this.#prunedAt < PRUNE_EVERY_MS) return;
    await book.prune(ACCOUNTS_KEPT_DAYS);
    this.#prunedAt = this.#now();
  }

  async #watch(
    tenants: readonly TenantId[],
    { observes, degraded }: { readonly observes: boolean; readonly degraded: ReadonlySet<TenantId> },
  ): Promise<void> {
    const { caps } = this.#options;
    const standing = await caps.standing(WATCHER, { tenants, offset: 0, limit: CAPS_AT_ONCE });
    const held = this.#options.held(standing);
    const seen = observes ? await this.#observe(held, standing.now) : held;
    const told = new Map<TenantId, Set<string>>();
    for (const alert of standing.alerts) {
      const keys = told.get(alert.tenantId) ?? new Set();
      told.set(alert.tenantId, keys.add(alertKey(alert)));
    }
    const concerned = tenants.filter(
      (tenant) => degraded.has(tenant) || seen.some((one) => one.cap.tenantId === tenant && isOnLadder(one)),
    );
    if (concerned.length === 0) return;
    const flags = await this.#options.flags.flagsOf(concerned);
    for (const tenantId of concerned) {
      const decision = decideLadder({
        tenantId,
        held: seen.filter(({ cap }) => cap.tenantId === tenantId),
        flags: flags.filter((flag) => flag.tenantId === tenantId),
        told: told.get(tenantId) ?? new Set(),
        now: standing.now,
      });
      await this.#options.flags.change(tenantId, decision.actions);
      for (const alert of await this.#options.flags.addAlerts(decision.alerts)) this.#options.onAlert(alert);
    }
  }

  /** The caps with what spans say now; without it when they cannot be asked, and on the figures known before. */
  async #observe(held: readonly HeldCap[], now: number): Promise<readonly HeldCap[]> {
    const { desk, log } = this.#options;
    try {
      const observed = await this.#options.observed(
        held.map(({ account }) => account),
        now,
      );
      // Where apps tell of calls, spans that know of none are worth noting; where nobody tells of any, they are not.
      const nothingYet = (account: HeldCap['account']) => (account.calls > 0 ? -1 : 0);
      const before = new Map(
        held.map(({ account }) => [nameOf(account), account.observedMicro ?? nothingYet(account)]),
      );
      const changed = new Map(
        // Late spans only ever add; retention takes rows away, and that is no refund.
        observed
          .filter(({ account, micro }) => micro > (before.get(nameOf(account)) ?? 0))
          .map((one) => [nameOf(one.account), one]),
      );
      for (const tenantId of new Set([...changed.values()].map(({ account }) => account.tenantId))) {
        await desk.observe(
          tenantId,
          [...changed.values()].filter(({ account }) => account.tenantId === tenantId),
        );
      }
      return held.map(({ cap, account }) => {
        const news = changed.get(nameOf(account));
        return { cap, account: news === undefined ? account : { ...account, observedMicro: news.micro } };
      });
    } catch (thrown) {
      log.warn({ err: toError(thrown) }, 'spans cannot be asked for AI spend; going by what apps report');
      return held;
    }
  }
}

function isOnLadder({ cap, account }: HeldCap): boolean {
  return stepAt(cap, usedOf(account)) !== 'ok';
}

function nameOf(account: SpendAccountId): string {
  return `${account.tenantId} ${accountKey(account)}`;
}
