import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Finding } from '../control/guard.ts';
import type { PolicyMemory, PolicyMemoryStore } from '../control/ports.ts';
import { runTick, type TickResult } from '../detect/detector.ts';
import { type DetectorParams, intervalsNeeded } from '../detect/detector-params.ts';
import {
  type DetectorState,
  INITIAL_STATE,
  restoreState,
  serializeState,
  withoutTenants,
} from '../detect/detector-state.ts';
import { OWNER_RULE } from '../detect/owner-rule.ts';
import { judgeCeilings, PLAN_CEILING_RULE } from '../detect/plan-ceiling.ts';
import type { ActivityReader, ActivityTable } from '../detect/ports.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import { toError } from '../domain/errors.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { floorTo, SECOND_MS } from '../domain/window.ts';
import { PolicyActs, type PolicyActsOptions } from './policy-acts.ts';
import { drivingFindings } from './policy-findings.ts';

export interface AnomalyWriter {
  open(anomaly: Anomaly): Promise<Anomaly>;
  update(anomaly: Anomaly): Promise<boolean>;
  close(anomaly: Anomaly, endedAt: number): Promise<boolean>;
  openOnes(): Promise<readonly Anomaly[]>;
}

/** At most one process leads; the proof is asked for before every act. */
export interface Leadership {
  isLeader(): Promise<boolean>;
}

export interface DetectorLoopOptions extends PolicyActsOptions {
  readonly activity: ActivityReader;
  readonly anomalies: AnomalyWriter;
  readonly leadership: Leadership;
  readonly memory: PolicyMemoryStore;
  /** Requests per second that the plans of these tenants allow; those without a ceiling are absent. */
  readonly ceilings: (tenants: readonly TenantId[], now: number) => Promise<ReadonlyMap<TenantId, number>>;
  readonly detectorParams: DetectorParams;
  /** Where the state is kept over restarts, beside the memory that other servers can read too. */
  readonly stateFile: string;
  readonly log: Logger;
  readonly now?: () => number;
}

export interface DetectorFigures {
  /** Unix ms of the last tick that was judged or found no reason to be; null: none yet. */
  readonly lastTickAt: number | null;
  readonly suspended: string | null;
  readonly openFindings: number;
  readonly leader: boolean;
  /** Of the last tick: tenants whose activity it looked at, and up to when (Unix ms) everything was counted. */
  readonly tenants: number | null;
  readonly dataUntil: number | null;
  /** Intervals that nobody has judged since the start: no detector ran, and it was too long to catch up. */
  readonly unjudgedIntervals: number;
}

/**
 * One tick: read recent activity, judge it, store what was found, decide, write throttles. The state moves on only after
 * everything of a tick is stored; a tick that fails half-way is judged anew from the last saved state.
 */
export class DetectorLoop {
  readonly #options: DetectorLoopOptions;
  readonly #now: () => number;
  readonly #acts: PolicyActs;
  #state: DetectorState | undefined;
  /** Up to when this or an earlier leader has judged. */
  #judgedUntil: number | null = null;
  #isGone: ((tenantId: string) => boolean) | undefined;
  #figures: DetectorFigures = {
    ...{ lastTickAt: null, suspended: 'not started yet', openFindings: 0, leader: false, unjudgedIntervals: 0 },
    ...{ tenants: null, dataUntil: null },
  };

  constructor(options: DetectorLoopOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#acts = new PolicyActs(options);
  }

  /** Forgets tenants that are gone for good, at the next tick and before anything is saved again. */
  forget(isGone: (tenantId: string) => boolean): void {
    this.#isGone = isGone;
  }

  figures(): DetectorFigures {
    return this.#figures;
  }

  /** Why automatic throttling stands still while tenants are out of line; null: it does not, or another server leads. */
  page(): string | null {
    return this.#figures.leader ? this.#acts.page().page : null;
  }

  async tick(): Promise<void> {
    try {
      await this.#tick();
    } catch (error) {
      // Half of it may be stored under ids that no state knows; restoring closes such findings before the next tick.
      this.#state = undefined;
      throw error;
    }
  }

  async #tick(): Promise<void> {
    const { leadership, activity, detectorParams } = this.#options;
    if (!(await leadership.isLeader())) {
      // Whoever leads meanwhile opens and closes findings: on coming back, memory is checked against the store again.
      this.#state = undefined;
      this.#figures = { ...this.#figures, leader: false };
      return;
    }
    const isGone = this.#isGone;
    this.#isGone = undefined;
    const known = this.#state ?? (await this.#restore());
    const state = isGone === undefined ? known : withoutTenants(known, isGone);
    const now = this.#now();
    const dataUntil = await activity.dataUntil();
    const { intervalSeconds } = detectorParams;
    const table = await activity.activity({
      intervalSeconds,
      intervals: intervalsNeeded(detectorParams),
      end: floorTo(now, intervalSeconds * SECOND_MS),
    });
    const result = runTick({ state, table, dataUntil, now, newId: randomUUID, params: detectorParams });
    await this.#store(result);
    // Without fresh data there is nothing to act on: what is in force ends by its own expiry.
    if (result.suspended === null) {
      this.#countUnjudged(result.state);
      const others = await this.#judgeCeilings(table, dataUntil, now);
      const findings: readonly Finding[] = [...result.open, ...drivingFindings(others, table)];
      await this.#acts.act({ findings, activeTenants: [...table.tenants.keys()], dataUntil, now });
    }
    this.#state = result.state;
    await this.#save(result, isGone !== undefined);
    const { suspended, open } = result;
    const looked = { tenants: table.tenants.size, dataUntil, openFindings: open.length };
    this.#figures = { ...this.#figures, ...looked, lastTickAt: now, suspended, leader: true };
  }

  async #store({ opened, updated, ended }: Pick<TickResult, 'opened' | 'updated' | 'ended'>): Promise<void> {
    const { anomalies, log } = this.#options;
    for (const anomaly of opened) {
      await anomalies.open(anomaly);
      log.warn({ tenant: anomaly.tenantId, metric: anomaly.metric, ratio: anomaly.ratio }, anomaly.reason);
    }
    for (const anomaly of updated) await anomalies.update(anomaly);
    for (const anomaly of ended) await anomalies.close(anomaly, anomaly.endedAt ?? this.#now());
  }

  /** @returns what is open and was found by other rules than this loop's own, with the ceilings that are passed now */
  async #judgeCeilings(table: ActivityTable, dataUntil: number | null, now: number): Promise<readonly Anomaly[]> {
    const { anomalies, ceilings, log } = this.#options;
    const others = (await anomalies.openOnes()).filter(({ rule }) => rule !== OWNER_RULE);
    const open = new Map(others.filter(({ rule }) => rule === PLAN_CEILING_RULE).map((one) => [one.tenantId, one]));
    const known = await ceilings([...table.tenants.keys()], now).catch((thrown: unknown) => {
      log.error({ err: toError(thrown) }, 'the ceilings of plans were not read');
      return undefined;
    });
    if (known === undefined || dataUntil === null) return others;
    const judged = judgeCeilings({ table, dataUntil, ceilings: known, open, now, newId: randomUUID });
    await this.#store(judged);
    const ended = new Set(judged.ended.map(({ id }) => id));
    const newer = new Map([...judged.opened, ...judged.updated].map((one) => [one.id, one]));
    const kept = others.filter(({ id }) => !ended.has(id) && !newer.has(id));
    return [...kept, ...newer.values()];
  }

  /** Missed intervals are caught up, but not more than the rule looks back on; the others are told of. */
  #countUnjudged({ judgedUntil }: DetectorState): void {
    const before = this.#judgedUntil;
    this.#judgedUntil = judgedUntil;
    if (before === null || judgedUntil === null) return;
    const { intervalSeconds, catchUpIntervals } = this.#options.detectorParams;
    const unjudged = Math.floor((judgedUntil - before) / (intervalSeconds * SECOND_MS)) - catchUpIntervals;
    if (unjudged <= 0) return;
    const { unjudgedIntervals } = this.#figures;
    this.#figures = { ...this.#figures, unjudgedIntervals: unjudgedIntervals + unjudged };
    const minutes = Math.round((unjudged * intervalSeconds) / 6) / 10;
    this.#options.log.warn({ unjudged }, `no detector ran for a while: ${minutes} minutes were not judged`);
  }

  /** The state of the last run; findings that it does not know of are closed, or they would stay open for ever. */
  async #restore(): Promise<DetectorState> {
    const { stateFile, anomalies, memory, log } = this.#options;
    const remembered = await memory.load();
    this.#acts.restore(remembered);
    this.#judgedUntil = remembered.judgedUntil;
    const own = await readFile(stateFile, 'utf8').catch(() => undefined);
    const state = newest(own, remembered, this.#options.detectorParams.intervalSeconds);
    const known = new Set(
      [...state.tenants.values()].flatMap((watched) =>
        Object.values(watched).flatMap((series) =>
          series.anomaly === undefined || series.anomaly === null ? [] : [series.anomaly.id],
        ),
      ),
    );
    for (const anomaly of await anomalies.openOnes()) {
      // Others write findings too and end them themselves.
      if (anomaly.rule !== OWNER_RULE || known.has(anomaly.id)) continue;
      log.info({ tenant: anomaly.tenantId, metric: anomaly.metric }, 'closing a finding from before the restart');
      await anomalies.close(anomaly, this.#now());
    }
    return state;
  }

  async #save({ opened, ended, state }: TickResult, isForced: boolean): Promise<void> {
    const text = isForced || opened.length + ended.length > 0 ? serializeState(state) : undefined;
    if (text !== undefined) {
      const temporary = `${this.#options.stateFile}.new`;
      await writeFile(temporary, text);
      await rename(temporary, this.#options.stateFile);
    }
    await this.#options.memory.save({ ...this.#acts.page(), judgedUntil: state.judgedUntil, detector: text });
  }
}

/**
 * What this server knows or what another one left, whichever is newer. Without either tenants are judged from where they
 * were last, as far back as is caught up.
 */
function newest(
  own: string | undefined,
  { detector, judgedUntil }: PolicyMemory,
  intervalSeconds: number,
): DetectorState {
  const candidates = [own, detector ?? undefined].flatMap((text) => {
    const state = text === undefined ? undefined : restoreState(text);
    return state === undefined ? [] : [state];
  });
  const [latest] = candidates.toSorted((a, b) => (b.judgedUntil ?? 0) - (a.judgedUntil ?? 0));
  return latest ?? { ...INITIAL_STATE, intervalSeconds, judgedUntil };
}
