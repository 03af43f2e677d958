import { UNKNOWN_TENANT } from '../../domain/tenant-id.ts';
import { MINUTE_MS } from '../../domain/window.ts';
import { onceOnlySettings } from './otlp-schema.ts';
import { quoted } from './sql-text.ts';

/** Spans are looked for in steps of so long: that of a span without a tenant, the one before and the one after. */
const STEP_NS = BigInt(15 * MINUTE_MS) * 1_000_000n;
/**
 * A piece is one insert through the whole chain of views, so it is kept at the size of a segment: 20,000 spans of a
 * kilobyte took 0.3 GB.
 */
const PIECE_SPANS = 20_000;
const PIECE_BYTES = 32 * 1024 ** 2;
/** Above so many the bloom filters let nearly every granule pass, and asking them costs more than reading. */
const INDEXED_TRACES = 2_000;
/** What one statement may take of the memory that everybody shares. */
const MEMORY_BYTES = 1024 ** 3;

const BOUNDED = `max_memory_usage = ${MEMORY_BYTES}, max_joined_block_size_rows = 100000000`;

/** What is the same at every look at a batch that is closed. */
export interface FrozenBatch {
  readonly spans: number;
  readonly bytes: number;
  readonly traces: number;
  /** Of the ids and times of all its spans. */
  readonly fingerprint: string;
  /** Numbers of the steps in which its spans began. */
  readonly steps: readonly string[];
}

export const LIST_WAITING = `SELECT Batch AS batch, count() AS spans, toString(min(ReceivedAtNs)) AS oldest, toString(max(ReceivedAtNs)) AS newest
  FROM spans_waiting GROUP BY Batch ORDER BY Batch`;

export const LIST_BEGUN = 'SELECT DISTINCT Batch AS batch FROM adopting_traces ORDER BY Batch';

export function readFrozen(batch: string): string {
  return `SELECT toUInt32(count()) AS spans, toFloat64(sum(byteSize(*))) AS bytes, toUInt32(uniq(TraceId)) AS traces,
    hex(sum(cityHash64(TraceId, SpanId, StartNs, ReceivedAtNs))) AS fingerprint,
    arraySort(groupUniqArray(toString(intDiv(StartNs, ${STEP_NS})))) AS steps
  FROM spans_waiting WHERE Batch = ${quoted(batch)}`;
}

export function countAdopted(batch: string): string {
  return `SELECT toUInt32(count()) AS adopted FROM spans_waiting
  WHERE Batch = ${quoted(batch)} AND toFixedString(TraceId, 16) IN (SELECT TraceId FROM adopting_traces WHERE Batch = ${quoted(batch)})`;
}

/**
 * Writes down whose the batch's traces are, in one part. The token makes the first answer the only one. Of a trace with
 * spans of several tenants nobody can say whose the nameless span is, so it has none. Names in parentheses are no tenants'.
 */
export function writeAnswer(batch: string, frozen: FrozenBatch): string {
  const { traces, steps } = frozen;
  const skipIndexes = traces > INDEXED_TRACES ? 0 : 1;
  return `INSERT INTO adopting_traces SELECT * FROM
  (
    SELECT ${quoted(batch)} AS Batch, TraceId, any(spans.TenantId) AS Found FROM spans
    WHERE TraceId IN (SELECT toFixedString(TraceId, 16) FROM spans_waiting WHERE Batch = ${quoted(batch)})
      AND TenantId NOT LIKE '(%' AND (${timesAround(steps)})
    GROUP BY TraceId HAVING min(spans.TenantId) = max(spans.TenantId)
    UNION ALL ${NOBODY(batch)}
  ) ORDER BY TraceId SETTINGS ${answerSettings(batch, frozen)}, use_skip_indexes = ${skipIndexes}`;
}

/** The answer that nobody is known, for when looking is impossible. */
export function writeNoAnswer(batch: string, frozen: FrozenBatch): string {
  return `INSERT INTO adopting_traces ${NOBODY(batch)} SETTINGS ${answerSettings(batch, frozen)}`;
}

const NOBODY = (batch: string) => `SELECT ${quoted(batch)} AS Batch, toFixedString('', 16) AS TraceId, '' AS Found`;
const answerSettings = (batch: string, { fingerprint }: FrozenBatch) =>
  `${onceOnlySettings(`answer:${batch}:${fingerprint}`)}, ${BOUNDED}`;

/**
 * The inserts that store a batch. Which span is in which piece, and the order within, follow from the spans alone; so
 * does the token. A repetition is the same insert therefore, and the engine knows it in each table that it has reached.
 */
export function storePieces(batch: string, { spans, bytes, fingerprint }: FrozenBatch): readonly string[] {
  const pieces = Math.max(1, Math.ceil(spans / PIECE_SPANS), Math.ceil(bytes / PIECE_BYTES));
  return Array.from(
    { length: pieces },
    (_, piece) => `INSERT INTO span_landing
    SELECT w.* REPLACE (if(t.TenantId = '', ${quoted(UNKNOWN_TENANT)}, t.TenantId)::String AS TenantId) FROM spans_waiting AS w
    ANY LEFT JOIN (SELECT TraceId, TenantId FROM adopting_traces WHERE Batch = ${quoted(batch)}) AS t
      ON toFixedString(w.TraceId, 16) = t.TraceId
    WHERE w.Batch = ${quoted(batch)} AND cityHash64(w.TraceId, w.SpanId, w.StartNs) % ${pieces} = ${piece}
    ORDER BY w.StartNs, w.TraceId, w.SpanId, w.ReceivedAtNs
    SETTINGS ${onceOnlySettings(`late:${batch}:${fingerprint}:${piece}`)}, ${BOUNDED}`,
  );
}

export function dropPartition(table: 'spans_waiting' | 'adopting_traces', batch: string): string {
  return `ALTER TABLE ${table} DROP PARTITION ${quoted(batch)}`;
}

/** Neighbouring steps in one range: a condition for each of two days' worth would be read for every granule. */
function timesAround(steps: readonly string[]): string {
  const ranges: { from: bigint; to: bigint }[] = [];
  for (const step of steps.map(BigInt).toSorted((left, right) => (left < right ? -1 : 1))) {
    const last = ranges.at(-1);
    if (last !== undefined && step - 1n <= last.to) last.to = step + 2n;
    else ranges.push({ from: step - 1n, to: step + 2n });
  }
  const time = (step: bigint) => `fromUnixTimestamp64Nano(toInt64(${(step < 0n ? 0n : step) * STEP_NS}), 'UTC')`;
  return ranges.map(({ from, to }) => `(Timestamp >= ${time(from)} AND Timestamp < ${time(to)})`).join(' OR ');
}
