import { setTimeout as pause } from 'node:timers/promises';
import { type SelfCheckActivityRow, selfCheckActivity } from '../aggregate/queries/self-check-activity.ts';
import { type SelfCheckStepRow, selfCheckRollups } from '../aggregate/queries/self-check-rollups.ts';
import { type SelfCheckSpansRow, selfCheckSpans } from '../aggregate/queries/self-check-spans.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { toError } from '../domain/errors.ts';
import { knownSpans, type RollupStage, type SelfCheckFailure, type SelfCheckStanding } from '../domain/self-check.ts';
import {
  SelfCheckLedger,
  type StoredActivity,
  type StoredBatch,
  type StoredStep,
} from '../domain/self-check-ledger.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import { newTraceId, type SelfCheckTrace } from './self-check-client.ts';

/** The figure of the end-to-end lag is as coarse as this. */
const LOOK_EVERY_MS = 250;
const SETTLE_MS = 2 * SECOND_MS;
/** While nothing of what was sent before is found, more of it would only be more to load. */
const MOST_UNFOUND = 30;

export interface SelfCheckOptions {
  readonly clickhouse: AnalyticsReader;
  /** Rejects when the trace is not acknowledged. */
  readonly send: (trace: SelfCheckTrace) => Promise<void>;
  /** Whose key `send` uses: no other start of any server may have it. */
  readonly tenant: TenantId;
  /** Length of the steps of the detector's table. */
  readonly activitySeconds: number;
  /** Acknowledged spans that cannot be queried after this are late. */
  readonly lateMs: number;
  /** Views follow their table within one insert: so long may what they hold differ from what spans hold. */
  readonly settleMs?: number;
  readonly now?: () => number;
}

/** Sends known spans, reads back what became of them, and keeps what was wrong. One run at a time. */
export class SelfCheck {
  readonly #options: SelfCheckOptions;
  readonly #now: () => number;
  readonly #ledger: SelfCheckLedger;
  readonly #stopping = new AbortController();
  #standing: SelfCheckStanding = { runs: 0, lastRunAt: null, failures: [], failingSince: null, lagMs: null };

  constructor(options: SelfCheckOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#ledger = new SelfCheckLedger(options.activitySeconds);
  }

  standing(): SelfCheckStanding {
    return this.#standing;
  }

  /** Resolves with what was wrong; undefined when it was stopped before it could tell. */
  async run(): Promise<readonly SelfCheckFailure[] | undefined> {
    this.#ledger.forget(this.#now());
    const refusal = this.#ledger.unfound < MOST_UNFOUND ? await this.#send() : undefined;
    const failures = refusal === undefined ? await this.#readBack() : [refusal];
    if (failures === undefined) return undefined;
    const { runs, failingSince } = this.#standing;
    const now = this.#now();
    this.#standing = {
      ...this.#standing,
      ...{ runs: runs + 1, lastRunAt: now, failures },
      failingSince: failures.length === 0 ? null : (failingSince ?? now),
    };
    return failures;
  }

  /** A run under way ends soon, without a verdict. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Until it is acknowledged or that takes too long: a receiver that is being started again is no failure. */
  async #send(): Promise<SelfCheckFailure | undefined> {
    const { send, lateMs } = this.#options;
    const begun = this.#now();
    const traceId = newTraceId();
    const spans = knownSpans(this.#standing.runs, begun);
    this.#ledger.sent(traceId, spans, begun);
    for (;;) {
      try {
        await send({ traceId, spans });
        this.#ledger.acknowledged(traceId, this.#now());
        return undefined;
      } catch (thrown) {
        if (this.#stopping.signal.aborted || this.#now() - begun >= lateMs) {
          const reason = toError(thrown).message.slice(0, 200);
          const text = `The receiver did not acknowledge spans of the self-check: ${reason}`;
          return { stage: 'acknowledged', fault: 'not_acknowledged', text };
        }
      }
      await this.#pause(SECOND_MS);
    }
  }

  async #readBack(): Promise<readonly SelfCheckFailure[] | undefined> {
    const { lateMs, settleMs = SETTLE_MS } = this.#options;
    const begun = this.#now();
    let foundAt: number | undefined;
    for (;;) {
      if (this.#stopping.signal.aborted) return undefined;
      const look = await this.#look();
      if (!look.isPending) foundAt ??= this.#now();
      if (!look.isPending && look.failures.length === 0) return [];
      const waited = this.#now() - begun;
      const settled = foundAt !== undefined && this.#now() - foundAt >= settleMs;
      if (look.failures.length > 0 && (settled || waited > lateMs)) return look.failures;
      await this.#pause(LOOK_EVERY_MS);
    }
  }

  async #look(): Promise<{ readonly failures: readonly SelfCheckFailure[]; readonly isPending: boolean }> {
    const before = this.#ledger.unfound;
    const now = this.#now();
    try {
      const spans = this.#ledger.compareSpans(await this.#spans(now), now, this.#options.lateMs);
      if (this.#ledger.unfound < before) this.#noteLag();
      if (spans.isPending) return spans;
      return { failures: [...spans.failures, ...(await this.#rollups(now))], isPending: false };
    } catch (thrown) {
      const text = `What the self-check sent cannot be read back: ${toError(thrown).message.slice(0, 200)}`;
      return { failures: [{ stage: 'spans', fault: 'late', text }], isPending: true };
    }
  }

  /** The last span ends as it is sent. */
  #noteLag(): void {
    const sentAt = this.#ledger.newestFoundAt;
    if (sentAt !== undefined) this.#standing = { ...this.#standing, lagMs: Math.max(0, this.#now() - sentAt) };
  }

  async #spans(now: number): Promise<readonly StoredBatch[]> {
    const { clickhouse, tenant } = this.#options;
    const rows = await clickhouse.rows<SelfCheckSpansRow>(selfCheckSpans(tenant, this.#ledger.spansFrom(now)));
    return rows.map(({ trace_id, received_at, ...figures }) => {
      return { traceId: trace_id, receivedAt: Number(received_at), figures };
    });
  }

  async #rollups(now: number): Promise<readonly SelfCheckFailure[]> {
    const { clickhouse, tenant } = this.#options;
    const steps = async (stage: RollupStage): Promise<readonly StoredStep[]> => {
      const question = selfCheckRollups(stage, this.#ledger.window(stage, now), tenant);
      const rows = await clickhouse.rows<SelfCheckStepRow>(question);
      return rows.map(({ at, p95_ms, ...figures }) => ({ at: at * SECOND_MS, p95Ms: p95_ms, figures }));
    };
    const window = this.#ledger.activityWindow(now);
    const activity = async (): Promise<readonly StoredActivity[]> => {
      const rows = await clickhouse.rows<SelfCheckActivityRow>(selfCheckActivity(window, tenant));
      return rows.map(({ at, requests, ai_tokens }) => ({ at: at * SECOND_MS, requests, aiTokens: ai_tokens }));
    };
    const rollups = { minute: await steps('minute'), hour: await steps('hour'), day: await steps('day') };
    return this.#ledger.compareRollups({ rollups, activity: await activity() }, now);
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}
