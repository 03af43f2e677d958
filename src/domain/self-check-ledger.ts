import {
  addFigures,
  compareFigures,
  figuresOfSpan,
  isP95Of,
  NO_FIGURES,
  ROLLUP_MS,
  type RollupStage,
  type SelfCheckFailure,
  type SelfCheckFigures,
  type SelfCheckSpan,
} from './self-check.ts';
import { floorTo, MINUTE_MS, SECOND_MS, type Window } from './window.ts';

/** One trace as it is stored. */
export interface StoredBatch {
  readonly traceId: string;
  /** Unix ms. */
  readonly receivedAt: number;
  readonly figures: SelfCheckFigures;
}

/** One step of a rollup as it is stored; `at`: Unix ms. */
export interface StoredStep {
  readonly at: number;
  readonly figures: SelfCheckFigures;
  /** null: no request. */
  readonly p95Ms: number | null;
}

/** One step of the detector's table; `at`: Unix ms. */
export interface StoredActivity {
  readonly at: number;
  readonly requests: number;
  readonly aiTokens: number;
}

export interface Stored {
  readonly rollups: Readonly<Record<RollupStage, readonly StoredStep[]>>;
  readonly activity: readonly StoredActivity[];
}

interface Batch {
  readonly sentAt: number;
  readonly spans: readonly SelfCheckSpan[];
  acknowledgedAt: number | null;
  isFound: boolean;
}

interface Step {
  figures: SelfCheckFigures;
  readonly durationsMs: number[];
}

interface Activity {
  requests: number;
  aiTokens: number;
}

/** So long is every batch looked for span by span, and every minute by itself. */
const KEEP_MS = 10 * MINUTE_MS;
const STAGES = ['minute', 'hour', 'day'] as const;

/**
 * What this server has sent to itself, and what must therefore be found. In memory, from the start on: everything it
 * asks about bears the tenant of this start alone. Hours and days keep sums alone.
 */
export class SelfCheckLedger {
  readonly #activityMs: number;
  readonly #batches = new Map<string, Batch>();
  readonly #steps: Readonly<Record<RollupStage, Map<number, Step>>> = {
    ...{ minute: new Map(), hour: new Map(), day: new Map() },
  };
  readonly #activity = new Map<number, Activity>();

  /** @param activitySeconds length of the steps of the detector's table */
  constructor(activitySeconds: number) {
    this.#activityMs = activitySeconds * SECOND_MS;
  }

  sent(traceId: string, spans: readonly SelfCheckSpan[], now: number): void {
    this.#batches.set(traceId, { sentAt: now, spans, acknowledgedAt: null, isFound: false });
  }

  acknowledged(traceId: string, now: number): void {
    const batch = this.#batches.get(traceId);
    if (batch !== undefined) batch.acknowledgedAt = now;
  }

  /** Acknowledged and not found yet. */
  get unfound(): number {
    return [...this.#batches.values()].filter(isMissed).length;
  }

  /** When the newest trace was sent that has been found; undefined: none has. */
  get newestFoundAt(): number | undefined {
    const found = [...this.#batches.values()].filter(({ isFound }) => isFound).map(({ sentAt }) => sentAt);
    return found.length === 0 ? undefined : Math.max(...found);
  }

  /** Drops what is no longer looked for. */
  forget(now: number): void {
    for (const [traceId, batch] of this.#batches) {
      if (batch.sentAt < now - KEEP_MS && !isMissed(batch)) this.#batches.delete(traceId);
    }
    for (const stage of STAGES) dropBefore(this.#steps[stage], this.window(stage, now).from);
    dropBefore(this.#activity, now - KEEP_MS);
  }

  /** When the spans begin that are looked for one by one; Unix ms. */
  spansFrom(now: number): number {
    const starts = [...this.#batches.values()].flatMap(({ spans }) => spans.map(({ startMs }) => startMs));
    return Math.min(now, ...starts);
  }

  /** The steps that are looked at: the present one, and the one before for as long as something may still come to it. */
  window(stage: RollupStage, now: number): Window {
    const ms = ROLLUP_MS[stage];
    return { from: floorTo(now - KEEP_MS, ms), to: floorTo(now, ms) + ms };
  }

  activityWindow(now: number): Window {
    return { from: floorTo(now - KEEP_MS, this.#activityMs) + this.#activityMs, to: now + this.#activityMs };
  }

  /**
   * Takes in what is stored of each trace. What is found for the first time must be in the rollups from then on.
   * @returns what is wrong with spans, and whether something is on its way that may yet come in time
   */
  compareSpans(
    stored: readonly StoredBatch[],
    now: number,
    lateMs: number,
  ): { readonly failures: readonly SelfCheckFailure[]; readonly isPending: boolean } {
    const found = new Map(stored.map((batch) => [batch.traceId, batch]));
    for (const [traceId, batch] of this.#batches) {
      const seen = found.get(traceId);
      if (seen === undefined || batch.isFound) continue;
      batch.isFound = true;
      this.#add(batch, seen.receivedAt);
    }
    const failures: SelfCheckFailure[] = [];
    let isPending = false;
    const newestFound = this.newestFoundAt ?? Number.NEGATIVE_INFINITY;
    for (const [traceId, batch] of this.#batches) {
      const seen = found.get(traceId);
      if (seen === undefined && isMissed(batch) && batch.sentAt > newestFound) {
        const waited = now - (batch.acknowledgedAt ?? now);
        if (waited > lateMs) failures.push(late(batch, waited));
        else isPending = true;
        continue;
      }
      if (seen === undefined && batch.acknowledgedAt === null && !batch.isFound) continue;
      const where = `in spans that were sent at ${clock(batch.sentAt)}`;
      const expected = batch.spans.map(figuresOfSpan).reduce(addFigures);
      const failure = compareFigures(expected, seen?.figures ?? NO_FIGURES, { stage: 'spans', where });
      if (failure !== undefined) failures.push(failure);
    }
    return { failures, isPending };
  }

  /** What is wrong behind the spans, in the order of the stages. */
  compareRollups({ rollups, activity }: Stored, now: number): readonly SelfCheckFailure[] {
    return [
      ...STAGES.flatMap((stage) => this.#compareStage(stage, rollups[stage], now)),
      ...this.#compareActivity(activity, now),
    ];
  }

  #compareStage(stage: RollupStage, stored: readonly StoredStep[], now: number): readonly SelfCheckFailure[] {
    const { from, to } = this.window(stage, now);
    const found = new Map(stored.map((step) => [step.at, step]));
    const known = [...this.#steps[stage].keys()].filter((at) => at >= from && at < to);
    // Queries are rolled up from the hour on.
    const without = stage === 'minute' ? (['query_calls'] as const) : [];
    return [...new Set([...known, ...found.keys()])]
      .toSorted((a, b) => a - b)
      .flatMap((at) => {
        const expected = this.#steps[stage].get(at);
        const actual = found.get(at);
        const where = `in the rollups of the ${stage} from ${clock(at)}`;
        const expectedFigures = expected?.figures ?? NO_FIGURES;
        const failure = compareFigures(expectedFigures, actual?.figures ?? NO_FIGURES, { stage, where, without });
        if (failure !== undefined) return [failure];
        const p95Ms = actual?.p95Ms ?? null;
        const durations = expected?.durationsMs ?? [];
        if (p95Ms === null ? durations.length === 0 : isP95Of(p95Ms, durations)) return [];
        return [{ stage, fault: 'wrong_value' as const, text: `A P95 of ${p95Ms} ms that cannot be right ${where}.` }];
      });
  }

  #compareActivity(stored: readonly StoredActivity[], now: number): readonly SelfCheckFailure[] {
    const { from } = this.activityWindow(now);
    const found = new Map(stored.map((step) => [step.at, step]));
    return [...this.#activity].flatMap(([at, own]) => {
      if (at < from) return [];
      const step = found.get(at);
      const figures = (requests: number, tokens: number) => ({ ...NO_FIGURES, requests, input_tokens: tokens });
      const expected = figures(own.requests, own.aiTokens);
      const where = `in the detector's table from ${clock(at)}`;
      const failure = compareFigures(expected, figures(step?.requests ?? 0, step?.aiTokens ?? 0), {
        ...{ stage: 'activity', where },
      });
      return failure === undefined ? [] : [failure];
    });
  }

  #add({ spans }: Batch, receivedAt: number): void {
    for (const span of spans) {
      const figures = figuresOfSpan(span);
      for (const stage of STAGES) {
        const at = floorTo(span.startMs, ROLLUP_MS[stage]);
        const step = this.#steps[stage].get(at) ?? { figures: NO_FIGURES, durationsMs: [] };
        step.figures = addFigures(step.figures, figures);
        if (span.kind === 'server') step.durationsMs.push(span.durationMs);
        this.#steps[stage].set(at, step);
      }
      const at = floorTo(receivedAt, this.#activityMs);
      const activity = this.#activity.get(at) ?? { requests: 0, aiTokens: 0 };
      activity.requests += figures.requests;
      activity.aiTokens += figures.input_tokens + figures.output_tokens;
      this.#activity.set(at, activity);
    }
  }
}

function isMissed({ acknowledgedAt, isFound }: Batch): boolean {
  return acknowledgedAt !== null && !isFound;
}

function late({ sentAt }: Batch, waitedMs: number): SelfCheckFailure {
  const seconds = Math.round(waitedMs / SECOND_MS);
  const text = `Spans that were sent at ${clock(sentAt)} cannot be queried ${seconds} s after they were acknowledged.`;
  return { stage: 'spans', fault: 'late', text };
}

function dropBefore(map: Map<number, unknown>, from: number): void {
  for (const at of map.keys()) if (at < from) map.delete(at);
}

/** `22:41:10 UTC`; a day in front where it is a whole one. */
function clock(at: number): string {
  const text = new Date(at).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`;
}
