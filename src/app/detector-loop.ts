import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { type Action, decide, lookBackMs, type PolicyParams } from '../control/policy.ts';
import { NO_EVIDENCE } from '../control/policy-evidence.ts';
import type { DecisionJournal, EvidenceReader, ThrottleReader, ThrottleWriter } from '../control/ports.ts';
import { runTick, type TickResult } from '../detect/detector.ts';
import { type DetectorParams, intervalsNeeded } from '../detect/detector-params.ts';
import { type DetectorState, INITIAL_STATE, restoreState, serializeState } from '../detect/detector-state.ts';
import { OWNER_RULE } from '../detect/owner-rule.ts';
import type { ActivityReader } from '../detect/ports.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import type { EnforcementMode } from '../domain/flags.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';
import { floorTo, SECOND_MS } from '../domain/window.ts';

/** Length of the detector's intervals: that of the rollup `activity_by_ten_seconds`. */
const INTERVAL_SECONDS = 10;

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

export interface DetectorLoopOptions {
  readonly activity: ActivityReader;
  readonly anomalies: AnomalyWriter;
  readonly throttles: ThrottleReader & ThrottleWriter;
  /** What decisions are made from beside findings and throttles. */
  readonly evidence: EvidenceReader;
  readonly journal: DecisionJournal;
  readonly leadership: Leadership;
  readonly mode: 'off' | EnforcementMode;
  readonly detectorParams: DetectorParams;
  readonly policyParams: PolicyParams;
  /** Where the state is kept over restarts. */
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
}

/**
 * One tick: read recent activity, judge it, store what was found, decide, write throttles. The state moves on only after
 * everything of a tick is stored; a tick that fails half-way is judged anew from the last saved state.
 */
export class DetectorLoop {
  readonly #options: DetectorLoopOptions;
  readonly #now: () => number;
  #state: DetectorState | undefined;
  #told = new Set<string>();
  #decisionSuspended = false;
  #page: string | null = null;
  #figures: DetectorFigures = { lastTickAt: null, suspended: 'not started yet', openFindings: 0, leader: false };

  constructor(options: DetectorLoopOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  figures(): DetectorFigures {
    return this.#figures;
  }

  /** Why automatic throttling stands still while tenants are out of line; null: it does not, or another server leads. */
  page(): string | null {
    return this.#figures.leader ? this.#page : null;
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
    const state = this.#state ?? (await this.#restore());
    const now = this.#now();
    const dataUntil = await activity.dataUntil();
    const result = runTick({
      state,
      table: await activity.activity({
        intervalSeconds: INTERVAL_SECONDS,
        intervals: intervalsNeeded(detectorParams, INTERVAL_SECONDS),
        end: floorTo(now, INTERVAL_SECONDS * SECOND_MS),
      }),
      dataUntil,
      now,
      newId: randomUUID,
      params: detectorParams,
    });
    await this.#store(result);
    // Without fresh data there is nothing to act on: what is in force ends by its own expiry.
    if (result.suspended === null) await this.#act(result, dataUntil, now);
    this.#state = result.state;
    if (result.opened.length + result.ended.length > 0) await this.#save(result.state);
    this.#figures = {
      lastTickAt: now,
      suspended: result.suspended,
      openFindings: result.open.length,
      leader: true,
    };
  }

  async #store({ opened, updated, ended }: TickResult): Promise<void> {
    const { anomalies, log } = this.#options;
    for (const anomaly of opened) {
      await anomalies.open(anomaly);
      log.warn({ tenant: anomaly.tenantId, metric: anomaly.metric, ratio: anomaly.ratio }, anomaly.reason);
    }
    for (const anomaly of updated) await anomalies.update(anomaly);
    for (const anomaly of ended) await anomalies.close(anomaly, anomaly.endedAt ?? this.#now());
  }

  async #act(result: TickResult, dataUntil: number | null, now: number): Promise<void> {
    const { mode, policyParams, throttles, evidence, journal } = this.#options;
    const recent = await throttles.recent(now, now - lookBackMs(policyParams));
    const situation = {
      findings: result.open,
      throttles: recent,
      activeTenants: result.activeTenants,
      mode,
      now,
      wasSuspended: this.#decisionSuspended,
      params: policyParams,
      // Unread evidence proves nothing, so nothing is throttled; what was found stays found.
      evidence: await evidence
        .gather({ findings: result.open, throttles: recent, dataUntil, now })
        .catch((error: unknown) => this.#without('the evidence for decisions was not read', error, NO_EVIDENCE)),
    };
    const decision = decide(situation);
    for (const action of decision.actions) {
      if (!this.#isNews(action)) continue;
      const throttle = await this.#carryOut(action);
      await journal
        .note(situation, decision, action, throttle)
        .catch((error: unknown) => this.#without('a decision was not written to the journal', error, undefined));
    }
    this.#decisionSuspended = decision.suspended;
    if (!decision.suspended) this.#page = null;
    if (result.open.length === 0) this.#told.clear();
  }

  #without<T>(what: string, error: unknown, instead: T): T {
    this.#options.log.error({ err: error }, what);
    return instead;
  }

  /** The policy repeats an alert with every decision; people hear of each cause once. */
  #isNews(action: Action): boolean {
    if (action.kind !== 'alert') return true;
    const key = `${action.anomalyId} ${action.heldBackBy}`;
    if (this.#told.has(key)) return false;
    this.#told.add(key);
    return true;
  }

  async #carryOut(action: Action): Promise<ThrottleRecord | undefined> {
    const { log, policyParams, throttles } = this.#options;
    const actor = { kind: 'system', subject: policyParams.automaticSubject } as const;
    switch (action.kind) {
      case 'throttle': {
        const record = await throttles.create(actor, action.throttle);
        const { tenantId, mode, reason } = action.throttle;
        log.warn({ tenant: tenantId, mode }, reason);
        return record;
      }
      case 'lift':
        log.warn({ tenant: action.tenantId, throttle: action.throttleId }, action.explanation);
        return throttles.lift(actor, action.throttleId);
      case 'alert':
        log.warn({ tenant: action.tenantId, heldBackBy: action.heldBackBy }, action.explanation);
        return undefined;
      case 'page':
        this.#page = action.explanation;
        log.error({ page: true }, action.explanation);
        return undefined;
    }
  }

  /** The state of the last run; findings that it does not know of are closed, or they would stay open for ever. */
  async #restore(): Promise<DetectorState> {
    const { stateFile, anomalies, log } = this.#options;
    const text = await readFile(stateFile, 'utf8').catch(() => undefined);
    const state = (text === undefined ? undefined : restoreState(text)) ?? INITIAL_STATE;
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

  async #save(state: DetectorState): Promise<void> {
    const temporary = `${this.#options.stateFile}.new`;
    await writeFile(temporary, serializeState(state));
    await rename(temporary, this.#options.stateFile);
  }
}
