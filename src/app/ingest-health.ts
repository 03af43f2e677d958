import { dirname } from 'node:path';
import { type ClockSkewRow, clockSkew } from '../aggregate/queries/across-tenants/clock-skew.ts';
import { type ExportDelayRow, exportDelay } from '../aggregate/queries/across-tenants/export-delay.ts';
import { type ServiceSeenRow, servicesSeen } from '../aggregate/queries/across-tenants/services-seen.ts';
import type { IngestHealth, IngestHealthAnswer, KeySeen } from '../api/ingest-health-ports.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { spoolFullAt } from '../domain/ingest-findings.ts';
import {
  type ExportDelay,
  endToEndMs,
  type IngestSituation,
  ingestFindings,
  judgeIngest,
  type LoaderStanding,
  spansPerMinute,
} from '../domain/ingest-health.ts';
import type { SelfCheckStanding } from '../domain/self-check.ts';
import type { IntakeFigures } from '../domain/spool-format.ts';
import { SECOND_MS } from '../domain/window.ts';
import { readIntake, readSpoolFiles } from './ingest-health-files.ts';
import type { IngestHistory } from './ingest-health-history.ts';

/** Spans are read for it; several pages that are open ask for the same. */
const MEASURED_EVERY_MS = 10 * SECOND_MS;
const SERVICES = 500;

interface KeyRecord {
  readonly id: string;
  readonly name: string;
  readonly service: string | null;
  readonly revokedAt: number | null;
  readonly expiresAt: number | null;
}

export interface IngestHealthOptions {
  readonly intakeFile: string;
  readonly clickhouse: AnalyticsReader;
  readonly loader: () => LoaderStanding;
  /** undefined: it is switched off. */
  readonly selfCheck?: () => SelfCheckStanding | undefined;
  readonly quarantined: () => Promise<number>;
  readonly keys: (actor: StaffActor) => Promise<readonly KeyRecord[]>;
  readonly history: IngestHistory;
  readonly now?: () => number;
}

interface Measured {
  readonly at: number;
  readonly clocks: readonly { readonly service: string; readonly aheadMs: number }[];
  readonly delay: ExportDelay | null;
  readonly services: readonly ServiceSeenRow[];
}

/** How telemetry flows, from the file that ingest leaves, the loader and the store. */
export class IngestHealthDesk implements IngestHealth {
  readonly #options: IngestHealthOptions;
  readonly #now: () => number;
  #measured: Promise<Measured> | undefined;
  #measuredAt = Number.NEGATIVE_INFINITY;

  constructor(options: IngestHealthOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Adds to the history; called every few seconds. */
  async sample(): Promise<void> {
    this.#options.history.add(this.#now(), await readIntake(this.#options.intakeFile), this.#options.loader());
  }

  async look(actor: StaffActor): Promise<IngestHealthAnswer> {
    const { intakeFile, loader, quarantined, keys, history } = this.#options;
    const now = this.#now();
    // ClickHouse that does not answer is what this is asked for: all else is still told.
    const nothing: Measured = { at: now, delay: null, services: [], clocks: [] };
    const [intake, measured, inQuarantine, records, files] = await Promise.all([
      readIntake(intakeFile),
      this.#measure(now).catch(() => nothing),
      quarantined(),
      keys(actor),
      readSpoolFiles(dirname(intakeFile)),
    ]);
    const standing = loader();
    const newest = measured.services[0]?.at;
    const selfCheck = this.#options.selfCheck?.();
    const situation: IngestSituation = {
      ...{ now, intake, loader: standing, delay: measured.delay, quarantined: inQuarantine },
      newestSpanAt: newest === undefined ? null : newest * SECOND_MS,
      ...{ ...files, spoolBefore: history.spoolBefore(now), clocks: measured.clocks, selfCheck },
    };
    return {
      ...{ checkedAt: now, verdict: judgeIngest(situation), intake, loader: standing, delay: measured.delay },
      ...{ endToEndMs: endToEndMs(situation), spansPerMinute: spansPerMinute(intake, now), quarantined: inQuarantine },
      services: measured.services.map(({ service, at, spans }) => ({
        service,
        lastAt: at * SECOND_MS,
        spans: Number(spans),
      })),
      ...{ findings: ingestFindings(situation), selfCheck, spoolFullAt: spoolFullAt(situation) },
      ...{ clocks: measured.clocks, quarantinedBytes: files.quarantinedBytes ?? 0 },
      keys: keysSeen(records, intake, now),
      history: history.read(),
    };
  }

  #measure(now: number): Promise<Measured> {
    if (this.#measured === undefined || now - this.#measuredAt >= MEASURED_EVERY_MS) {
      this.#measuredAt = now;
      this.#measured = this.#ask(now);
      // The next one asks again instead of being told of this failure.
      this.#measured.catch(() => {
        this.#measuredAt = Number.NEGATIVE_INFINITY;
      });
    }
    return this.#measured;
  }

  async #ask(now: number): Promise<Measured> {
    const { clickhouse } = this.#options;
    const [[row], services, clocks] = await Promise.all([
      clickhouse.rows<ExportDelayRow>(exportDelay(now)),
      clickhouse.rows<ServiceSeenRow>(servicesSeen(now, SERVICES)),
      clickhouse.rows<ClockSkewRow>(clockSkew(now, SERVICES)),
    ]);
    const delay = row === undefined || Number(row.spans) === 0 ? null : { p50Ms: row.p50_ms, p99Ms: row.p99_ms };
    return {
      ...{ at: now, delay, services },
      clocks: clocks.map(({ service, ahead_ms }) => ({ service, aheadMs: ahead_ms })),
    };
  }
}

/** Every key that may send or has sent, with what it sent since ingest started; those that sent last come first. */
function keysSeen(records: readonly KeyRecord[], intake: IntakeFigures | undefined, now: number): readonly KeySeen[] {
  const used = new Map(intake?.standing.keys.map((key) => [key.keyId, key]));
  const known = new Map(records.map((record) => [record.id, record]));
  const ended = ({ revokedAt, expiresAt }: KeyRecord) => revokedAt !== null || (expiresAt !== null && expiresAt <= now);
  const wanted = records.filter((record) => used.has(record.id) || !ended(record)).map(({ id }) => id);
  const strangers = [...used.keys()].filter((id) => !known.has(id));
  const rows = [...wanted, ...strangers].map((id): KeySeen => {
    const record = known.get(id);
    const use = used.get(id);
    return {
      ...{ id, name: record?.name ?? 'from the configuration', service: record?.service ?? null },
      ...{ lastAt: use?.lastAt ?? null, requests: use?.requests ?? 0, items: use?.items ?? 0 },
      active: record === undefined || !ended(record),
    };
  });
  return rows.toSorted((a, b) => (b.lastAt ?? 0) - (a.lastAt ?? 0));
}
