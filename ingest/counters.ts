import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { IngestStanding, KeyUse, SegmentSignal } from '../src/domain/spool-format.ts';
import type { Mismatches } from './admission-names.ts';
import type { LimitName } from './limits.ts';
import type { SpoolFigures } from './spool.ts';

/** How a request came; `http`: a page, or what is no OTLP. */
export type Transport = 'http/protobuf' | 'http/json' | 'grpc' | 'http';

/** What the gauges read when somebody asks for the metrics. */
export interface CounterSources {
  readonly spool: () => SpoolFigures;
  readonly keysRevision: () => number | undefined;
  readonly bytesInWork: () => number;
  readonly now: () => number;
}

/** What ingest counts, on a registry of its own. Labels hold statuses and error codes, never anything from a request. */
export class Counters {
  readonly registry = new Registry();
  readonly #requests = new Counter({
    name: 'tenantry_ingest_requests_total',
    help: 'Requests by path kind, HTTP status (of gRPC calls the one that says the same), reason (an error code, or ok) and transport.',
    labelNames: ['signal', 'status', 'reason', 'transport'] as const,
    registers: [this.registry],
  });
  readonly #spans = new Counter({
    name: 'tenantry_ingest_spans_accepted_total',
    help: 'Spans that are on the disk and were acknowledged.',
    registers: [this.registry],
  });
  readonly #points = new Counter({
    name: 'tenantry_ingest_data_points_accepted_total',
    help: 'Data points of metrics that are on the disk and were acknowledged.',
    registers: [this.registry],
  });
  readonly #selfCheckSpans = new Counter({
    name: 'tenantry_ingest_self_check_spans_accepted_total',
    help: 'Spans of the self-check that were acknowledged; no other figure counts them.',
    registers: [this.registry],
  });
  readonly #logs = new Counter({
    name: 'tenantry_ingest_log_records_rejected_total',
    help: 'Log records that were turned down with a partial success: logs are not kept.',
    registers: [this.registry],
  });
  readonly #retries = new Counter({
    name: 'tenantry_ingest_retries_recognized_total',
    help: 'Requests that had been stored already: answered as the first time and not stored again.',
    labelNames: ['signal'] as const,
    registers: [this.registry],
  });
  readonly #bytes = new Counter({
    name: 'tenantry_ingest_bytes_accepted_total',
    help: 'Decompressed bytes of the requests that were acknowledged.',
    registers: [this.registry],
  });
  readonly #rejected = new Counter({
    name: 'tenantry_ingest_rejected_total',
    help: 'Requests refused, by error code.',
    labelNames: ['reason'] as const,
    registers: [this.registry],
  });
  readonly #commitSeconds = new Histogram({
    name: 'tenantry_ingest_fsync_seconds',
    help: 'Time of one write with its fdatasync.',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers: [this.registry],
  });
  readonly #commitRequests = new Histogram({
    name: 'tenantry_ingest_commit_requests',
    help: 'Requests that shared one fdatasync.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers: [this.registry],
  });

  readonly #limited = new Counter({
    name: 'tenantry_ingest_limited_total',
    help: 'By limit: requests refused (key_), spans and data points rejected (tenant_), attributes dropped or cut, spans put under other names.',
    labelNames: ['limit'] as const,
    registers: [this.registry],
  });
  readonly #tenantMismatches = new Counter({
    name: 'tenantry_ingest_tenant_mismatches_total',
    help: 'Spans and data points that name another tenant than their key is bound to.',
    registers: [this.registry],
  });
  readonly #serviceMismatches = new Counter({
    name: 'tenantry_ingest_service_mismatches_total',
    help: 'Spans and data points that name another service than their key is bound to.',
    registers: [this.registry],
  });

  /** The same sums for the server, which reads them from a file: nobody has to scrape this process for that. */
  readonly #sums = { requests: 0, spans: 0, dataPoints: 0, bytes: 0, logRecordsRejected: 0, retriesRecognized: 0 };
  readonly #rejectedBy = new Map<string, number>();
  readonly #limitedBy = new Map<LimitName, number>();
  readonly #deviations = new Map<string, { limited: number; tenantMismatches: number; serviceMismatches: number }>();
  /** As many as there are valid keys: only their holders get here. */
  readonly #keys = new Map<string, { requests: number; items: number; lastAt: number }>();

  /** `items`: spans or data points. `at`: Unix ms. */
  accepted(signal: SegmentSignal, items: number, bytes: number, by: { keyId: string; at: number }): void {
    (signal === 'traces' ? this.#spans : this.#points).inc(items);
    this.#bytes.inc(bytes);
    this.#sums[signal === 'traces' ? 'spans' : 'dataPoints'] += items;
    this.#sums.bytes += bytes;
    const use = this.#keys.get(by.keyId) ?? { requests: 0, items: 0, lastAt: by.at };
    this.#keys.set(by.keyId, { requests: use.requests + 1, items: use.items + items, lastAt: by.at });
  }

  /** Spans that the server sent to itself: they are no telemetry of anybody's. */
  selfCheckAccepted(spans: number): void {
    this.#selfCheckSpans.inc(spans);
  }

  /** Its items were counted when it was stored. */
  retryRecognized(signal: SegmentSignal): void {
    this.#retries.inc({ signal });
    this.#sums.retriesRecognized += 1;
  }

  /** `count`: in the unit of the limit. */
  limited(limit: LimitName, count: number, keyId: string): void {
    this.#limited.inc({ limit }, count);
    this.#limitedBy.set(limit, (this.#limitedBy.get(limit) ?? 0) + count);
    this.#deviationsOf(keyId).limited += count;
  }

  mismatched({ tenants, services }: Mismatches, keyId: string): void {
    this.#tenantMismatches.inc(tenants);
    this.#serviceMismatches.inc(services);
    const deviations = this.#deviationsOf(keyId);
    deviations.tenantMismatches += tenants;
    deviations.serviceMismatches += services;
  }

  #deviationsOf(keyId: string) {
    const known = this.#deviations.get(keyId);
    if (known !== undefined) return known;
    const none = { limited: 0, tenantMismatches: 0, serviceMismatches: 0 };
    this.#deviations.set(keyId, none);
    return none;
  }

  logsRejected(records: number): void {
    this.#logs.inc(records);
    this.#sums.logRecordsRejected += records;
  }

  answered(signal: string, status: number, reason: string, transport: Transport): void {
    this.#requests.inc({ signal, status: String(status), reason, transport });
    if (signal !== 'other') this.#sums.requests += 1;
    if (status < 400) return;
    this.#rejected.inc({ reason });
    if (signal !== 'other') this.#rejectedBy.set(reason, (this.#rejectedBy.get(reason) ?? 0) + 1);
  }

  sums(): Omit<IngestStanding, 'startedAt' | 'httpPort' | 'grpcPort' | 'spool'> {
    const keys: KeyUse[] = [...this.#keys].map(([keyId, use]) => ({ keyId, ...use, ...this.#deviations.get(keyId) }));
    const limited = Object.fromEntries(this.#limitedBy);
    return { ...this.#sums, rejected: Object.fromEntries(this.#rejectedBy), limited, keys };
  }

  committed(seconds: number, requests: number): void {
    this.#commitSeconds.observe(seconds);
    this.#commitRequests.observe(requests);
  }

  /** Adds the gauges that look at the spool and the keys; called once. */
  observe(sources: CounterSources): void {
    const ageSeconds = (since: number | undefined) =>
      since === undefined ? 0 : Math.max(0, (sources.now() - since) / 1_000);
    const gauges: readonly [name: string, help: string, read: () => number][] = [
      ['spool_open_bytes', 'Bytes in segments that are not sealed.', () => sources.spool().openBytes],
      [
        'spool_sealed_bytes',
        'Bytes in sealed segments that the store has not loaded.',
        () => sources.spool().sealedBytes,
      ],
      ['spool_sealed_segments', 'Sealed segments that the store has not loaded.', () => sources.spool().sealedSegments],
      ['spool_open_age_seconds', 'Age of the open segment.', () => ageSeconds(sources.spool().openSince)],
      [
        'spool_oldest_sealed_age_seconds',
        'Age of the oldest segment that waits for the store.',
        () => ageSeconds(sources.spool().oldestSealedAt),
      ],
      ['spool_refusing', '1 while requests are refused for the sake of the spool.', () => refusing(sources.spool())],
      ['recovered_records', 'Requests found whole at start.', () => sources.spool().recovered.records],
      ['recovered_torn_bytes', 'Bytes of unfinished requests cut at start.', () => sources.spool().recovered.tornBytes],
      ['recovered_corrupt_bytes', 'Bytes quarantined at start.', () => sources.spool().recovered.corruptBytes],
      ['keys_revision', 'Revision of the key list in use; 0 = none seen.', () => sources.keysRevision() ?? 0],
      ['bytes_in_work', 'Bytes of request bodies in memory.', sources.bytesInWork],
    ];
    for (const [name, help, read] of gauges) {
      const gauge: Gauge = new Gauge({
        name: `tenantry_ingest_${name}`,
        help,
        registers: [this.registry],
        collect: () => gauge.set(read()),
      });
    }
  }
}

function refusing(figures: SpoolFigures): number {
  return figures.refusal === undefined ? 0 : 1;
}
