import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { type MeasuredMinute, MinuteDetector, SHARDS } from '../detect/minute-detector.ts';
import { RULE_VERSIONS } from '../detect/rule-sets.ts';
import type { MinuteFinding } from '../detect/tenant-minutes.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import { toError } from '../domain/errors.ts';
import { MINUTE_MS, type Window } from '../domain/window.ts';
import type { AnomalyWriter, Leadership } from './detector-loop.ts';
import { anomalyOf, keyOf } from './minute-anomaly.ts';

/** One part of the detector's memory; times are unix minutes. */
interface SavedShard {
  readonly shard: number;
  readonly judgedUntil: number;
  readonly toldUntil: number;
  readonly state: Uint8Array;
}

export interface MinuteDetectorLoopOptions {
  /** Every measured whole minute of a window, oldest first. */
  readonly minutes: (window: Window) => Promise<readonly MeasuredMinute[]>;
  /** Unix ms up to which everything that arrived has been counted; null: nothing has arrived yet. */
  readonly dataUntil: () => Promise<number | null>;
  readonly anomalies: AnomalyWriter;
  readonly states: { load(): Promise<readonly SavedShard[]>; save(shards: readonly SavedShard[]): Promise<void> };
  readonly leadership: Leadership;
  readonly log: Logger;
  readonly now?: () => number;
}

const RULE = RULE_VERSIONS.tenantry;
/** Without a memory the stored minutes are read back for so long: a week and a day give every hour of the week one look. */
const HISTORY_MINUTES = 8 * 1_440;
/** Minutes of one question to the store, and questions of one tick: a week is caught up within minutes, beside all else. */
const BATCH_MINUTES = 60;
const BATCHES_A_TICK = 8;
/** Shards saved with each tick; all of them take a few minutes, and what is missing is read back. */
const SAVED_A_TICK = 4;

/**
 * The detectors that judge whole minutes, kept fed from the rollups. What they remember is saved in parts and restored;
 * the minutes between a part's last save and now are read back and judged again in silence, so that a restart, or
 * another server that takes over, continues as if nothing had been. Findings are written down; whether anything follows
 * from them is decided elsewhere.
 */
export class MinuteDetectorLoop {
  readonly #options: MinuteDetectorLoopOptions;
  readonly #now: () => number;
  readonly #open = new Map<string, Anomaly>();
  #detector: MinuteDetector | undefined;
  #heard: MinuteFinding[] = [];
  /** Last minute whose findings were told. */
  #toldUntil = -1;
  #nextShard = 0;
  #isBehind = false;
  #lastLook: { readonly dataUntil: number | null; readonly minutes: number } | undefined;
  #saved: number[] = [];
  #isGone: ((tenantId: string) => boolean) | undefined;

  constructor(options: MinuteDetectorLoopOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Forgets tenants that are gone for good, at the next tick and before anything is saved again. */
  forget(isGone: (tenantId: string) => boolean): void {
    this.#isGone = isGone;
  }

  /** Findings that are open now. */
  open(): readonly Anomaly[] {
    return [...this.#open.values()];
  }

  /** Of the last tick: up to when (Unix ms) everything was counted, and how many new minutes were judged. undefined: none yet. */
  lastLook(): { readonly dataUntil: number | null; readonly minutes: number } | undefined {
    return this.#lastLook;
  }

  async tick(): Promise<void> {
    const { leadership } = this.#options;
    if (!(await leadership.isLeader())) {
      this.#detector = undefined;
      return;
    }
    try {
      await this.#judgeNew();
    } catch (error) {
      // What was judged may not have been told: the next tick begins with what is saved.
      this.#detector = undefined;
      throw error;
    }
  }

  /** Saves everything, as before a stop. */
  async save(): Promise<void> {
    if (this.#detector !== undefined) await this.#save(this.#detector, SHARDS);
  }

  async #judgeNew(): Promise<void> {
    const { dataUntil, minutes } = this.#options;
    const until = await dataUntil();
    this.#lastLook = { dataUntil: until, minutes: 0 };
    if (until === null) return;
    const end = Math.floor(until / MINUTE_MS);
    const detector = this.#detector ?? (await this.#restore(end));
    this.#detector = detector;
    await this.#forgetGone(detector);
    for (let batch = 0; batch < BATCHES_A_TICK; batch += 1) {
      const from = Math.max(detector.judgedByAll() + 1, end - HISTORY_MINUTES);
      const to = Math.min(end, from + BATCH_MINUTES);
      if (to <= from) break;
      for (const minute of await minutes({ from: from * MINUTE_MS, to: to * MINUTE_MS })) detector.observe(minute);
      detector.skipTo(to - 1);
      await this.#tell(to - 1);
      this.#lastLook = { dataUntil: until, minutes: this.#lastLook.minutes + to - from };
    }
    this.#tellProgress(end - 1 - detector.judgedByAll());
    await this.#save(detector, SAVED_A_TICK);
  }

  async #forgetGone(detector: MinuteDetector): Promise<void> {
    const isGone = this.#isGone;
    if (isGone === undefined) return;
    this.#isGone = undefined;
    for (const [key, { tenantId }] of this.#open) if (isGone(tenantId)) this.#open.delete(key);
    const shards = detector.forget(isGone).map((shard) => ({
      ...{ shard, judgedUntil: detector.judged(shard), toldUntil: this.#toldUntil, state: detector.save(shard) },
    }));
    await this.#options.states.save(shards);
  }

  /** A week is read back for minutes in silence: whoever waits for the first finding sees how far it is. */
  #tellProgress(minutesLeft: number): void {
    const { log } = this.#options;
    const isBehind = minutesLeft >= BATCH_MINUTES;
    if (isBehind) log.info({ minutesLeft }, 'reading stored minutes back to learn what is usual');
    else if (this.#isBehind) log.info('the stored minutes are read back; every new minute is judged as it comes');
    this.#isBehind = isBehind;
  }

  async #restore(end: number): Promise<MinuteDetector> {
    const { states, anomalies, log } = this.#options;
    const detector = new MinuteDetector('tenantry', (finding) => this.#heard.push(finding));
    this.#heard = [];
    this.#saved = [];
    let told = -1;
    for (const { shard, toldUntil, state } of await states.load()) {
      told = Math.max(told, toldUntil);
      try {
        if (shard < SHARDS) detector.restore(shard, state);
      } catch (thrown) {
        log.warn({ err: toError(thrown), shard }, 'a part of the detector’s memory cannot be read and is learnt anew');
      }
    }
    // The first start judges the past to learn from it, and says nothing of it.
    this.#toldUntil = told === -1 ? end - 1 : told;
    this.#open.clear();
    for (const anomaly of await anomalies.openOnes()) {
      if (anomaly.rule === RULE) this.#open.set(keyOf(anomaly.tenantId, anomaly.metric), anomaly);
    }
    return detector;
  }

  async #tell(judged: number): Promise<void> {
    const heard = this.#heard;
    this.#heard = [];
    for (const finding of heard) {
      const isNew = finding.departure.detectedAt - 1 > this.#toldUntil;
      if (finding.change === 'ended') await this.#close(finding);
      else if (isNew) await this.#openAnomaly(finding);
    }
    this.#toldUntil = Math.max(this.#toldUntil, judged);
  }

  async #openAnomaly(finding: MinuteFinding): Promise<void> {
    const { anomalies, log } = this.#options;
    const anomaly = anomalyOf(finding, randomUUID(), RULE);
    if (anomaly === undefined) return;
    const stored = await anomalies.open(anomaly);
    this.#open.set(keyOf(finding.tenantId, finding.metric), { ...anomaly, id: stored.id });
    log.warn({ tenant: anomaly.tenantId, metric: anomaly.metric, ratio: anomaly.ratio }, anomaly.reason);
  }

  async #close(finding: MinuteFinding): Promise<void> {
    const key = keyOf(finding.tenantId, finding.metric);
    const open = this.#open.get(key);
    if (open === undefined) return;
    const anomaly = anomalyOf(finding, open.id, RULE);
    if (anomaly !== undefined) await this.#options.anomalies.close(anomaly, anomaly.endedAt ?? this.#now());
    this.#open.delete(key);
  }

  /** Saves the next shards in turn that have changed since they were saved. */
  async #save(detector: MinuteDetector, most: number): Promise<void> {
    const shards: SavedShard[] = [];
    for (let looked = 0; looked < SHARDS && shards.length < most; looked += 1) {
      const shard = this.#nextShard;
      this.#nextShard = (shard + 1) % SHARDS;
      const judgedUntil = detector.judged(shard);
      if (judgedUntil < 0 || judgedUntil === this.#saved[shard]) continue;
      shards.push({ shard, judgedUntil, toldUntil: this.#toldUntil, state: detector.save(shard) });
    }
    await this.#options.states.save(shards);
    for (const { shard, judgedUntil } of shards) this.#saved[shard] = judgedUntil;
  }
}
