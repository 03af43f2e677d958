import { Admission } from '../../ingest/admission.ts';
import { limitsOf } from '../../ingest/limits.ts';
import { encodeRecord } from '../../ingest/spool-record.ts';
import type { OtlpSignal } from '../../ingest/wire-check.ts';
import { loadConfig } from '../../src/config/config.ts';
import { SEGMENT_SIGNALS, type SegmentSignal } from '../../src/domain/spool-format.ts';
import type { TestClickHouse } from './embedded-clickhouse.ts';
import { decodersVerdict, RequestFuzzer, underWatchdog, type Verdict, verdictOf } from './ingest-fuzz.ts';
import type { OtlpBody } from './ingest-fuzz-corpus.ts';

const BATCH = 1_000;
/** A batch takes some milliseconds; what takes so long does not end. */
const BATCH_TIMEOUT_MS = 60_000;
const SEGMENT_BYTES = 4 * 1024 * 1024;
/** One in so many refused requests is shown to the other decoder as well. */
const SECOND_OPINION_EVERY = 8;

/**
 * Why the check refuses what protobufjs reads. ClickHouse's reader refuses all of these itself and takes the whole segment with them,
 * but for the limits (a body of empty messages takes a thousand times its size) and the trailer (it would be forged).
 */
const STRICTER = {
  'the wrong wire type': /has wire type \d instead of \d/,
  'two values where one may stand': / holds two values/,
  'a group': / is a group/,
  'a number that is too wide': /exceeds (32|64) bits|is \d+, above \d+/,
  'a packed number that is cut off': /ends in the middle of a number/,
  'field number 0': /field number 0 in/,
  'a field of the trailer': /field number \d+ is reserved/,
  'beyond a limit': /^more than \d+ |is nested deeper than/,
} as const;
/** Why protobufjs refuses what the check lets through: text is made valid on the way into the table. */
const LAXER = { 'text that is no UTF-8': /encoded data was not valid|utf-?8/i } as const;

export interface FuzzTally {
  requests: number;
  taken: Record<OtlpSignal, number>;
  items: Record<OtlpSignal, number>;
  refused: number;
  /** By the names in STRICTER and LAXER. */
  stricter: Record<string, number>;
  laxer: Record<string, number>;
  segments: number;
  /** Requests from which the limits on content have cut something. */
  cut: number;
  /** Everything that must not be, each with the number of its request. */
  readonly violations: string[];
}

export interface FuzzRun {
  readonly seed: number;
  readonly requests: number;
  /** Takes what the check has taken, in segments; without it nothing is inserted. */
  readonly store?: TestClickHouse;
  readonly onBatch?: (tally: FuzzTally) => void;
}

/** So low that they strike what the honest requests hold, and no rates: all comes at once. */
const LOW_LIMITS = {
  TENANTRY_LIMIT_KEY_REQUESTS_PER_SECOND: '0',
  TENANTRY_LIMIT_TENANT_SPANS_PER_SECOND: '0',
  TENANTRY_LIMIT_TENANTS_PER_KEY: '3',
  TENANTRY_LIMIT_ROUTES_PER_TENANT: '2',
  TENANTRY_LIMIT_ATTRIBUTE_KEYS_PER_TENANT: '30',
  TENANTRY_LIMIT_ATTRIBUTES_PER_SPAN: '4',
  TENANTRY_LIMIT_ATTRIBUTE_KEY_BYTES: '16',
  TENANTRY_LIMIT_ATTRIBUTE_VALUE_BYTES: '20',
  TENANTRY_LIMIT_VALUE_DEPTH: '2',
};

/**
 * Shows mutated requests to the wire check, what it takes to protobufjs, and all of that to the engine in segments. A
 * request is good if it is refused as malformed, or if it is taken and both others agree on what is in it.
 */
export async function fuzzWireCheck({ seed, requests, store, onBatch }: FuzzRun): Promise<FuzzTally> {
  const at = Date.now();
  const fuzzer = new RequestFuzzer(seed, at);
  const tally: FuzzTally = {
    ...{ requests: 0, refused: 0, stricter: {}, laxer: {}, segments: 0, cut: 0, violations: [] },
    taken: { traces: 0, metrics: 0, logs: 0 },
    items: { traces: 0, metrics: 0, logs: 0 },
  };
  const trial = store === undefined ? undefined : new SegmentTrial(store, at, tally);
  const admission = new Admission({
    limits: limitsOf(loadConfig(LOW_LIMITS)),
    onLimited: () => undefined,
    onMismatches: () => undefined,
  });
  for (let from = 0; from < requests; from += BATCH) {
    const bodies = Array.from({ length: Math.min(BATCH, requests - from) }, (_, index) => fuzzer.request(from + index));
    const verdicts = verdictsOn(bodies, from, tally);
    for (const [index, verdict] of verdicts.entries()) {
      const body = bodies[index];
      if (body === undefined) continue;
      judge(body, verdict, from + index, tally);
      if (!('items' in verdict) || verdict.items === 0 || body.signal === 'logs') continue;
      // Half of them as they came, half as the limits leave them.
      const stored = index % 2 === 0 ? body : limited(admission, body, verdict.items, from + index, tally);
      await trial?.add(stored, from + index);
    }
    tally.requests += bodies.length;
    onBatch?.(tally);
  }
  await trial?.finish();
  return tally;
}

function verdictsOn(bodies: readonly OtlpBody[], from: number, tally: FuzzTally): Verdict[] {
  const verdicts: Verdict[] = [];
  try {
    underWatchdog(BATCH_TIMEOUT_MS, () => {
      for (const body of bodies) verdicts.push(verdictOf(body));
    });
  } catch (thrown) {
    const number = from + verdicts.length;
    tally.violations.push(
      `request ${number}: the check ended with ${String(thrown)}: ${shown(bodies[verdicts.length])}`,
    );
  }
  return verdicts;
}

function judge(body: OtlpBody, verdict: Verdict, number: number, tally: FuzzTally): void {
  if ('refusal' in verdict) {
    tally.refused += 1;
    if (number % SECOND_OPINION_EVERY === 0 && 'items' in decodersVerdict(body)) {
      countReason(tally, 'stricter', STRICTER, verdict.refusal, () => `request ${number}: ${shown(body)}`);
    }
    return;
  }
  tally.taken[body.signal] += 1;
  tally.items[body.signal] += verdict.items;
  const other = decodersVerdict(body);
  if ('refusal' in other) {
    countReason(tally, 'laxer', LAXER, other.refusal, () => `request ${number}: ${shown(body)}`);
  } else if (other.items !== verdict.items) {
    tally.violations.push(
      `request ${number}: the check counts ${verdict.items}, protobufjs ${other.items}: ${shown(body)}`,
    );
  }
}

/** What the limits on content make of a request: it has to be one as well, with as many items. */
function limited(admission: Admission, body: OtlpBody, items: number, number: number, tally: FuzzTally): OtlpBody {
  if (body.signal === 'logs') return body;
  try {
    const holder = { keyId: 'fuzz', tenantId: undefined, service: undefined };
    const admitted = admission.admit(body.signal, body.bytes, holder);
    const rewritten = { signal: body.signal, bytes: admitted.body };
    if (admitted.body !== body.bytes) tally.cut += 1;
    const verdict = verdictOf(rewritten);
    if ('items' in verdict && verdict.items === items && admitted.items === items) return rewritten;
    const became = 'items' in verdict ? `one of ${verdict.items} items` : `refused: ${verdict.refusal}`;
    tally.violations.push(`request ${number} of ${items} items is ${became} once cut: ${shown(body)}`);
  } catch (thrown) {
    tally.violations.push(`request ${number}: the limits end with ${String(thrown)}: ${shown(body)}`);
  }
  return body;
}

function countReason(
  tally: FuzzTally,
  side: 'stricter' | 'laxer',
  reasons: Readonly<Record<string, RegExp>>,
  said: string,
  where: () => string,
): void {
  const name = Object.keys(reasons).find((reason) => reasons[reason]?.test(said));
  if (name === undefined) tally.violations.push(`${where()}: the check is ${side} than protobufjs: ${said}`);
  else tally[side][name] = (tally[side][name] ?? 0) + 1;
}

function shown(body: OtlpBody | undefined): string {
  return body === undefined ? '' : `${body.signal} ${Buffer.from(body.bytes).toString('base64').slice(0, 4_000)}`;
}

/** Segments of what the check has taken, inserted by the real engine, and what is in the tables afterwards. */
class SegmentTrial {
  readonly #store: TestClickHouse;
  readonly #at: number;
  readonly #tally: FuzzTally;
  readonly #open: Record<SegmentSignal, { records: Buffer[]; numbers: number[]; bytes: number }> = {
    traces: { records: [], numbers: [], bytes: 0 },
    metrics: { records: [], numbers: [], bytes: 0 },
  };

  constructor(store: TestClickHouse, at: number, tally: FuzzTally) {
    this.#store = store;
    this.#at = at;
    this.#tally = tally;
  }

  async add({ signal, bytes }: OtlpBody, number: number): Promise<void> {
    if (signal === 'logs') return;
    const open = this.#open[signal];
    const record = Buffer.concat(encodeRecord(bytes, { receivedAt: this.#at, keyId: 'fuzz', keyTenant: undefined }));
    open.records.push(record);
    open.numbers.push(number);
    open.bytes += record.length;
    if (open.bytes >= SEGMENT_BYTES) await this.#seal(signal);
  }

  async finish(): Promise<void> {
    for (const signal of SEGMENT_SIGNALS) await this.#seal(signal);
    const [rows] = await this.#store.clickhouse.inspect<Record<SegmentSignal, string>>(
      `SELECT (SELECT count() FROM tenantry.spans) + (SELECT count() FROM tenantry.spans_set_aside) AS traces,
              (SELECT count() FROM tenantry.metric_points) + (SELECT count() FROM tenantry.metric_points_set_aside) AS metrics`,
    );
    for (const signal of SEGMENT_SIGNALS) {
      const stored = Number(rows?.[signal]);
      const counted = this.#tally.items[signal];
      if (stored !== counted)
        this.#tally.violations.push(`${signal}: the check counts ${counted}, stored are ${stored}`);
    }
  }

  async #seal(signal: SegmentSignal): Promise<void> {
    const { records, numbers } = this.#open[signal];
    this.#open[signal] = { records: [], numbers: [], bytes: 0 };
    if (records.length > 0) await this.#insert(signal, records, numbers);
  }

  /** Halves what is refused until the requests are found that the engine does not take. */
  async #insert(signal: SegmentSignal, records: readonly Buffer[], numbers: readonly number[]): Promise<void> {
    this.#tally.segments += 1;
    try {
      await this.#store.insert(Buffer.concat(records), `fuzz-${this.#tally.segments}`, signal);
    } catch (thrown) {
      if (records.length === 1) {
        const said = String(thrown).slice(0, 300);
        const bytes = records[0]?.toString('base64').slice(0, 4_000) ?? '';
        this.#tally.violations.push(`request ${numbers[0]}: the engine refuses ${signal} ${bytes}: ${said}`);
        return;
      }
      const middle = records.length >> 1;
      await this.#insert(signal, records.slice(0, middle), numbers.slice(0, middle));
      await this.#insert(signal, records.slice(middle), numbers.slice(middle));
    }
  }
}
