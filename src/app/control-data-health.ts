import { readFile } from 'node:fs/promises';
import { readAttributedShare, readLoadedSpans } from '../aggregate/data-health-reader.ts';
import type { DataHealth } from '../control/policy-evidence.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { INTAKE_BUCKET_MS, type IntakeFigures } from '../domain/spool-format.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../domain/window.ts';

export interface DataHealthSources {
  readonly clickhouse: AnalyticsReader;
  /** Where ingest writes what it took in. */
  readonly intakeFile: string;
  /** A span without a tenant may be counted so much later than others: until then too few of them are. */
  readonly unnamedAfterMs?: number;
  /** Unix ms at which tables or views last changed after they were first made; null: never. */
  readonly schemaChangedAt: () => Promise<number | null>;
}

/** The same window gives the same answer; asking more often would cost a scan each time. */
const READ_EVERY_MS = 20 * SECOND_MS;
/** Short enough to tell of now, long enough not to hang on one request. */
const WINDOW_MS = 2 * MINUTE_MS;
/** A figure of fewer spans says nothing. */
const LEAST_SPANS = 100;
const LEAST_REQUESTS = 20;
/** A file that is older is of an ingest that is gone. */
const STALE_MS = MINUTE_MS;

/** Whether the figures that decisions are made from are whole: what arrived against what was counted, and who is named. */
export class DataHealthReader {
  readonly #sources: DataHealthSources;
  #cached: { readonly readAt: number; readonly health: DataHealth } | undefined;

  constructor(sources: DataHealthSources) {
    this.#sources = sources;
  }

  /** @param dataUntil Unix ms up to which everything that arrived is counted; null: nothing has arrived */
  async read(dataUntil: number | null, now: number): Promise<DataHealth> {
    const cached = this.#cached;
    if (cached !== undefined && now >= cached.readAt && now - cached.readAt < READ_EVERY_MS) {
      return { ...cached.health, dataUntil };
    }
    const { clickhouse, schemaChangedAt } = this.#sources;
    const until = Math.floor((dataUntil ?? now) / INTAKE_BUCKET_MS) * INTAKE_BUCKET_MS;
    const window = { from: until - WINDOW_MS, to: until };
    const unnamedUntil = until - (this.#sources.unnamedAfterMs ?? 0);
    const named = { from: unnamedUntil - WINDOW_MS, to: unnamedUntil };
    const before = { from: named.from - HOUR_MS, to: named.from };
    const [intake, attributedShare, usualAttributedShare, changedAt] = await Promise.all([
      this.#intake(now),
      readAttributedShare(clickhouse, named),
      readAttributedShare(clickhouse, before),
      schemaChangedAt(),
    ]);
    const health = {
      ...{ dataUntil, attributedShare, usualAttributedShare, schemaChangedAt: changedAt },
      completeShare: intake === undefined ? null : await this.#completeShare(intake, window),
      rejectedShare: intake === undefined ? null : rejectedShare(intake, window),
    };
    this.#cached = { readAt: now, health };
    return health;
  }

  async #completeShare(intake: IntakeFigures, asked: { from: number; to: number }): Promise<number | null> {
    const window = { from: Math.max(asked.from, intake.since), to: asked.to };
    if (window.from >= window.to) return null;
    const taken = sum(intake, window, ({ spans }) => spans);
    if (taken < LEAST_SPANS) return null;
    const { loaded } = await readLoadedSpans(this.#sources.clickhouse, window);
    const share = loaded / taken;
    // More than arrived is as wrong as less: what is counted twice is a surge that nobody made.
    return share > 1 ? 1 / share : share;
  }

  async #intake(now: number): Promise<IntakeFigures | undefined> {
    try {
      const figures = JSON.parse(await readFile(this.#sources.intakeFile, 'utf8')) as IntakeFigures;
      const isWhole = Array.isArray(figures.buckets) && now - figures.writtenAt <= STALE_MS;
      return isWhole ? figures : undefined;
    } catch {
      // Ingest runs elsewhere, or has not begun: nothing can be compared, which is not "nothing is missing".
      return undefined;
    }
  }
}

function sum(
  { buckets }: IntakeFigures,
  { from, to }: { readonly from: number; readonly to: number },
  of: (bucket: IntakeFigures['buckets'][number]) => number,
): number {
  return buckets.filter(({ at }) => at >= from && at < to).reduce((total, bucket) => total + of(bucket), 0);
}

function rejectedShare(intake: IntakeFigures, window: { readonly from: number; readonly to: number }): number | null {
  const refused = sum(intake, window, (bucket) => bucket.refused);
  const all = refused + sum(intake, window, ({ requests }) => requests);
  return all < LEAST_REQUESTS ? null : refused / all;
}
