import { closeSync, openSync, writeSync } from 'node:fs';
import type { RuleSetName } from '../detect/rule-sets.ts';
import { type MinuteFinding, TenantMinutes } from '../detect/tenant-minutes.ts';
import { type BadLine, SeriesFile } from './backtest-rows.ts';

const MINUTE_SECONDS = 60;
const FLUSH_CHARACTERS = 1 << 16;

export interface SeriesBacktest {
  readonly input: string;
  /** Where findings go, one JSON object a line; undefined: nowhere. */
  readonly events: string | undefined;
  readonly rules: RuleSetName;
  readonly onBadLine: (bad: BadLine) => void;
  readonly onEvent?: (event: BacktestEvent) => void;
}

/** One finding as it stands in the events file; times in seconds since the epoch. */
export interface BacktestEvent {
  readonly tenant_id: string;
  readonly metric: string;
  readonly started_at: number;
  readonly detected_at: number;
  /** Where the data ended before the finding did: their end. */
  readonly ended_at: number;
  readonly ratio: number;
  readonly reason: string;
}

export interface SeriesBacktestReport {
  readonly rows: number;
  /** Lines that are no row. */
  readonly badLines: number;
  /** Rows that were late or there already; the first counts. */
  readonly skippedRows: number;
  readonly tenants: number;
  readonly findings: number;
  /** Minutes from each tenant's first row to its last, added up. */
  readonly tenantMinutes: number;
}

interface Watched {
  readonly minutes: TenantMinutes;
  readonly first: number;
  last: number;
}

/**
 * Replays a file of minute values through the detectors of production, one tenant after the other in the order of its
 * rows. The same file gives the same events, byte by byte; memory grows with tenants and metrics only.
 */
export async function backtestSeries(options: SeriesBacktest): Promise<SeriesBacktestReport> {
  const { input, events, rules, onBadLine, onEvent } = options;
  const writer = new LineWriter(events);
  const tenants = new Map<string, Watched>();
  let findings = 0;
  const take = (finding: MinuteFinding) => {
    if (finding.change !== 'ended') return;
    const event = eventOf(finding);
    findings += 1;
    onEvent?.(event);
    writer.write(JSON.stringify(event));
  };
  const file = new SeriesFile(input, onBadLine);
  try {
    const { rows, badLines, skippedRows } = await file.read((seconds, tenantId, metric, value) => {
      const minute = Math.floor(seconds / MINUTE_SECONDS);
      let watched = tenants.get(tenantId);
      if (watched === undefined) {
        watched = { minutes: new TenantMinutes(tenantId, rules, take), first: minute, last: minute };
        tenants.set(tenantId, watched);
      }
      const refused = watched.minutes.put(minute, metric, value);
      if (refused === undefined) watched.last = minute;
      else file.refuseRow(WHY_REFUSED[refused]);
    });
    let tenantMinutes = 0;
    for (const { minutes, first, last } of tenants.values()) {
      minutes.finish();
      tenantMinutes += last - first + 1;
    }
    return { rows, badLines, skippedRows, tenants: tenants.size, findings, tenantMinutes };
  } finally {
    writer.close();
  }
}

const WHY_REFUSED = {
  late: 'it is older than the row of this tenant before it; sort the file by time',
  twice: 'this minute of this tenant and metric was there already; the first value counts',
} as const;

export function eventOf({ tenantId, metric, departure, reason }: MinuteFinding): BacktestEvent {
  const { startedAt, detectedAt, endedAt, ratio } = departure;
  return {
    tenant_id: tenantId,
    metric,
    started_at: startedAt * MINUTE_SECONDS,
    detected_at: detectedAt * MINUTE_SECONDS,
    ended_at: (endedAt ?? detectedAt) * MINUTE_SECONDS,
    ratio: Math.round(ratio * 1_000) / 1_000,
    reason,
  };
}

/** Lines in large pieces and in order, without a stream whose back pressure a synchronous reader could not heed. */
class LineWriter {
  readonly #file: number | undefined;
  #text = '';

  constructor(path: string | undefined) {
    this.#file = path === undefined ? undefined : openSync(path, 'w');
  }

  write(line: string): void {
    if (this.#file === undefined) return;
    this.#text += `${line}\n`;
    if (this.#text.length >= FLUSH_CHARACTERS) this.#flush();
  }

  close(): void {
    if (this.#file === undefined) return;
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    if (this.#file !== undefined && this.#text !== '') writeSync(this.#file, this.#text);
    this.#text = '';
  }
}
