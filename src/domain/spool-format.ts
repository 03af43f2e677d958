/**
 * The contract between ingest (which writes segments) and the loader (which inserts them). A segment is a sequence of
 * length-delimited export requests of one signal (`ExportTraceServiceRequest`, `ExportMetricsServiceRequest`):
 * ClickHouse's `Protobuf` format, so the file is the insert.
 *
 *   segment  = record*            record = varint(length) message
 *   message  = the client's bytes, unchanged, then Tenantry's trailer (fields that OTLP does not use)
 *
 * Protobuf lets fields be appended to an encoded message, so the trailer travels inside it and ClickHouse reads it
 * like any other field. Requests that already carry a field numbered `TRAILER_FIELDS_FROM` or higher at the top level
 * are refused: they would forge the trailer.
 */
export const TRAILER_FIELDS_FROM = 50_000;
export const TRAILER = {
  /** fixed64: Unix nanoseconds at which the request was complete here. The server's clock, never the client's. */
  RECEIVED_AT: 50_001,
  /** string: id of the ingest key (not the key). */
  KEY_ID: 50_002,
  /** string: the tenant that the key is bound to; absent for keys that may speak for every tenant. */
  KEY_TENANT: 50_003,
  /**
   * bytes, the last but one: the key by which a retry of this request is recognised, and its answer. Ingest's own, no
   * reader of spans needs it.
   */
  ANSWER: 50_020,
  /** fixed32, always last: CRC-32 (zlib) over every byte of the message before this field's tag. */
  CRC32: 50_004,
  /** string: the service that the key is bound to; absent for keys of any service. */
  KEY_SERVICE: 50_005,
} as const;

/** Folders below `<data dir>/spool`. A segment moves from open to sealed by rename, and is deleted once loaded. */
export const SPOOL_FOLDERS = { open: 'open', sealed: 'sealed', quarantine: 'quarantine' } as const;
/** What a segment holds. OTLP's third signal, logs, is not stored. */
export const SEGMENT_SIGNALS = ['traces', 'metrics'] as const;
export type SegmentSignal = (typeof SEGMENT_SIGNALS)[number];

/**
 * `<unix ms, 13 digits>-<16 hex digits>.otlp` for traces, `….metrics.otlp` for metrics: sorts by age, is never used
 * twice, and is, without `.otlp`, the insert's token.
 */
export const SEGMENT_NAME_PATTERN = /^\d{13}-[0-9a-f]{16}(?:\.metrics)?\.otlp$/;

export function segmentSuffix(signal: SegmentSignal): string {
  return signal === 'traces' ? '.otlp' : `.${signal}.otlp`;
}

/** Of a name that matches SEGMENT_NAME_PATTERN. */
export function signalOfSegment(name: string): SegmentSignal {
  return name.endsWith(segmentSuffix('metrics')) ? 'metrics' : 'traces';
}

/** `<data dir>/spool/keys.json`, written by the server (temporary file + rename), watched by ingest. */
export const KEY_SNAPSHOT_FILE = 'keys.json';

export interface KeySnapshot {
  /** Grows with every change. */
  readonly revision: number;
  readonly keys: readonly KeySnapshotEntry[];
}

export interface KeySnapshotEntry {
  readonly id: string;
  /** Hex SHA-256 of the whole key. Keys are 256 random bits, so a plain hash cannot be guessed back. */
  readonly sha256: string;
  readonly scopes: readonly string[];
  /** Set when the key may speak for one tenant only. */
  readonly tenantId?: string;
  /** Set when the key belongs to one service. */
  readonly service?: string;
  /** Unix ms; absent = does not expire. */
  readonly expiresAt?: number;
  /** Of the secret before the key's last rotation, which works until `expiresAt`; the other one has an entry of its own. */
  readonly previous?: true;
  /** The one tenant that the key speaks for is closed: it is told so, and nothing of it is taken. */
  readonly closed?: true;
}

/** `<data dir>/spool/intake.json`, written by ingest (temporary file + rename), read by the server. */
export const INTAKE_FILE = 'intake.json';
export const INTAKE_BUCKET_MS = 10_000;

/** What arrived in one bucket of `INTAKE_BUCKET_MS` from `at` (Unix ms), by the time that is stored with the spans. */
export interface IntakeBucket {
  readonly at: number;
  readonly spans: number;
  readonly requests: number;
  /** For want of room or for their content; strangers without a key do not count. */
  readonly refused: number;
}

/** What one key has sent since ingest started. */
export interface KeyUse {
  readonly keyId: string;
  readonly requests: number;
  /** Spans and data points. */
  readonly items: number;
  /** Unix ms. */
  readonly lastAt: number;
  /** Unix ms of the last request with the secret before the key's last rotation; absent: there was none. */
  readonly previousAt?: number;
  /** What limits kept out or cut of what it sent, each in its own unit; absent: nothing. */
  readonly limited?: number;
  /** Spans and data points that named another tenant or service than the key is bound to. */
  readonly tenantMismatches?: number;
  readonly serviceMismatches?: number;
}

/** How ingest stands. Counts are since its process started. */
export interface IngestStanding {
  /** Unix ms. */
  readonly startedAt: number;
  /** Of OTLP/HTTP. */
  readonly httpPort: number | null;
  /** Of OTLP/gRPC. */
  readonly grpcPort: number | null;
  /** Requests with telemetry, whatever became of them. */
  readonly requests: number;
  readonly spans: number;
  readonly dataPoints: number;
  readonly bytes: number;
  readonly logRecordsRejected: number;
  /** Requests that had been stored already and were answered as the first time. */
  readonly retriesRecognized: number;
  /** Requests by error code. */
  readonly rejected: Readonly<Record<string, number>>;
  /**
   * By limit (`LimitName` of ingest): requests refused for the sake of a key's limits, spans and data points rejected for
   * those of tenants, attributes dropped or cut, spans put under other names.
   */
  readonly limited?: Readonly<Record<string, number>>;
  readonly spool: {
    readonly bytes: number;
    readonly maxBytes: number;
    readonly sealedSegments: number;
    /** Unix ms of the oldest segment, sealed or not; null: there is none. */
    readonly oldestAt: number | null;
    /** Why requests are refused now; null: they are taken. */
    readonly refusal: string | null;
    /** Cut off or set apart when the process started. */
    readonly tornBytes: number;
    readonly corruptBytes: number;
  };
  readonly keys: readonly KeyUse[];
  /** Revision of the list of keys in use; null: none has been seen. Absent in what an older ingest wrote. */
  readonly keysRevision?: number | null;
}

export interface IntakeFigures {
  /** Buckets from here on are whole. Unix ms. */
  readonly since: number;
  readonly writtenAt: number;
  readonly buckets: readonly IntakeBucket[];
  readonly standing: IngestStanding;
}
