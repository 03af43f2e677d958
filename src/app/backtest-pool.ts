import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import type { PoolUse } from '../detect/blame/pool-baseline.ts';
import { PoolBlame, type Verdict, type VerdictKind } from '../detect/blame/pool-blame.ts';
import { type BadLine, checkHeader, fieldsOf } from './backtest-rows.ts';

const COLUMNS = ['ts_unix', 'resource', 'tenant_id', 'requests', 'cpu_ms', 'db_ms', 'p95_ms'] as const;
const FILE = { kind: 'pool', columns: COLUMNS };
const MINUTE_SECONDS = 60;

export interface PoolBacktest {
  /** CSV with the columns above, sorted by time; one row a minute, resource and tenant. */
  readonly input: string;
  /** One verdict a line, JSON. */
  readonly output: string;
  readonly onBadLine: (bad: BadLine) => void;
}

export interface PoolBacktestCount {
  readonly rows: number;
  readonly badLines: number;
  readonly verdicts: Readonly<Record<VerdictKind, number>>;
}

interface PoolRow {
  readonly minute: number;
  readonly resource: string;
  readonly tenantId: string;
  readonly use: PoolUse;
}

/**
 * Replays minutes of shared resources through the same blame code as `GET /v1/neighbors`. Memory holds the minutes of
 * one baseline, however long the file is.
 * @throws TenantryError BAD_REQUEST when the header is another one
 */
export async function backtestPool({ input, output, onBadLine }: PoolBacktest): Promise<PoolBacktestCount> {
  const out = createWriteStream(output);
  const replay = new Replay();
  const verdicts: Record<VerdictKind, number> = { culprit: 0, global_slowdown: 0, unclear: 0 };
  let [line, rows, badLines] = [0, 0, 0];
  const write = async (lines: readonly PoolVerdict[]) => {
    for (const verdict of lines) {
      verdicts[verdict.verdict] += 1;
      if (!out.write(`${JSON.stringify(verdict)}\n`)) await once(out, 'drain');
    }
  };
  for await (const text of createInterface({ input: createReadStream(input), crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    if (line === 1) checkHeader(input, text, FILE);
    else if (text !== '') {
      const row = rowOf(text);
      const problem = typeof row === 'string' ? row : replay.problemWith(row);
      if (typeof row === 'string' || problem !== undefined) {
        badLines += 1;
        onBadLine({ line, problem: problem ?? '' });
        continue;
      }
      rows += 1;
      await write(replay.take(row));
    }
  }
  if (line === 0) checkHeader(input, '', FILE);
  await write(replay.flush());
  out.end();
  await finished(out);
  return { rows, badLines, verdicts };
}

/** The row, or what is wrong with it. */
function rowOf(text: string): PoolRow | string {
  const fields = fieldsOf(text);
  const [ts = '', resource = '', tenantId = '', ...figures] = fields;
  if (fields.length !== COLUMNS.length || resource === '' || tenantId === '') {
    return `a row has ${COLUMNS.length} columns: ${COLUMNS.join(', ')}`;
  }
  const seconds = ts.trim() === '' ? Number.NaN : Number(ts);
  if (!Number.isFinite(seconds)) return `ts_unix "${ts}" is not a number`;
  const [requests, cpuMs, dbMs, p95Ms] = figures.map(measuredFigure);
  const wrong = [requests, cpuMs, dbMs, p95Ms].indexOf(undefined);
  if (wrong !== -1) return `${COLUMNS[wrong + 3]} "${figures[wrong]}" is no number of at least 0`;
  const minute = Math.floor(seconds / MINUTE_SECONDS) * MINUTE_SECONDS;
  const use = { requests: requests ?? 0, cpuMs: cpuMs ?? 0, dbMs: dbMs ?? 0, p95Ms: p95Ms ?? null };
  return { minute, resource, tenantId, use };
}

/** null: not measured; undefined: not a figure. */
function measuredFigure(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.toLowerCase() === 'nan') return null;
  const value = Number(trimmed);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

interface PoolVerdict {
  readonly ts_unix: number;
  readonly resource: string;
  readonly victims: readonly string[];
  readonly suspects: readonly { readonly tenant_id: string; readonly score: number }[];
  readonly verdict: VerdictKind;
}

/** Minutes are judged once they are whole: when a row of a later one comes. */
class Replay {
  readonly #pools = new Map<string, PoolBlame>();
  #minute = Number.NEGATIVE_INFINITY;
  #uses = new Map<string, Map<string, PoolUse>>();

  problemWith({ minute, resource, tenantId }: PoolRow): string | undefined {
    if (minute < this.#minute) return 'rows are not sorted by time';
    const again = minute === this.#minute && this.#uses.get(resource)?.has(tenantId);
    return again === true ? 'a second row of the same minute, resource and tenant' : undefined;
  }

  take({ minute, resource, tenantId, use }: PoolRow): PoolVerdict[] {
    const verdicts = minute > this.#minute ? this.flush() : [];
    this.#minute = minute;
    const uses = this.#uses.get(resource) ?? new Map<string, PoolUse>();
    this.#uses.set(resource, uses);
    uses.set(tenantId, use);
    return verdicts;
  }

  flush(): PoolVerdict[] {
    const verdicts = [...this.#uses].flatMap(([resource, uses]) => {
      const blame = this.#pools.get(resource) ?? new PoolBlame();
      this.#pools.set(resource, blame);
      const verdict = blame.minute(this.#minute, uses);
      return verdict === undefined ? [] : [toLine(resource, verdict)];
    });
    this.#uses = new Map();
    return verdicts;
  }
}

function toLine(resource: string, { at, kind, victims, suspects }: Verdict): PoolVerdict {
  return {
    ts_unix: at,
    resource,
    victims: victims.map(({ tenantId }) => tenantId),
    suspects: suspects.map(({ tenantId, score }) => ({ tenant_id: tenantId, score: Math.round(score * 1e4) / 1e4 })),
    verdict: kind,
  };
}
