/** The real engine with spans that wait, a clock of its own, and what a loader does with segments. */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../src/domain/window.ts';
import { LateTenants, type LateTenantsOptions } from '../../src/store/clickhouse/late-tenants.ts';
import { LATE_TENANT_VIEWS, startTestClickHouse, type TestClickHouse } from './embedded-clickhouse.ts';
import { type AttributeInput, otlpRequest, otlpSpan, type RecordOrigin, segmentOf } from './spans.ts';

export const WAIT_MS = 30 * SECOND_MS;
const SETTLE_MS = 2 * SECOND_MS;
const OWNER = '00000000000000aa';

export interface LateSpan {
  readonly name: string;
  readonly trace: Buffer;
  readonly tenant?: string;
  readonly attributes?: AttributeInput;
  /** Unix ms; now unless said otherwise. */
  readonly start?: number;
}

export const newTrace = (): Buffer => randomBytes(16);

export class LateTenantWorld {
  readonly store: TestClickHouse;
  /** Unix ms. */
  time = Math.floor(Date.now() / DAY_MS) * DAY_MS - 12 * 60 * MINUTE_MS;
  late: LateTenants;
  #segments = 0;

  private constructor(store: TestClickHouse) {
    this.store = store;
    this.late = this.loader();
  }

  static async start(): Promise<LateTenantWorld> {
    return new LateTenantWorld(await startTestClickHouse({ views: LATE_TENANT_VIEWS }));
  }

  /** As after a start of the process. */
  loader(options: Partial<LateTenantsOptions> = {}): LateTenants {
    return new LateTenants({
      ...{ clickhouse: this.store.clickhouse, owner: OWNER, waitMs: WAIT_MS, settleMs: SETTLE_MS },
      ...{ log: pino({ level: 'silent' }), now: () => this.time },
      ...options,
    });
  }

  /** A segment with these spans, received and loaded now. Server spans and database calls: all rollups see some. */
  async load(spans: readonly LateSpan[], origin: Partial<RecordOrigin> = {}): Promise<void> {
    await this.insert(this.segment(spans, origin), this.newToken());
  }

  /** As a segment is called that is opened now. */
  newToken(): string {
    this.#segments += 1;
    return `${this.time}-${this.#segments.toString(16).padStart(16, '0')}`;
  }

  segment(spans: readonly LateSpan[], origin: Partial<RecordOrigin> = {}): Buffer {
    return segmentOf([otlpRequest(spans.map((span) => spanOf(span, this.time)))], { receivedAt: this.time, ...origin });
  }

  /** What a loader does with a segment: first what is due, of what was queued before it. */
  async insert(bytes: Buffer, token: string, late = this.late): Promise<void> {
    await late.adopt(Number(token.slice(0, 13)));
    const { waitingBatch } = late.batched({ signal: 'traces', path: '', token });
    await this.store.insert(bytes, token, 'traces', waitingBatch);
    late.loaded();
  }

  /** Lets time pass and the loader look, with nothing left in its queue. */
  async pass(ms: number, late = this.late): Promise<void> {
    this.time += ms;
    await late.adopt(this.time);
  }

  /** Whose the spans with this name are, each with how it came to its tenant. */
  async stored(name: string): Promise<string[]> {
    const rows = await this.store.clickhouse.inspect<{ found: string }>(
      `SELECT concat(TenantId, if(IsAdopted, ' adopted', '')) AS found FROM spans WHERE SpanName = '${name}' ORDER BY found`,
    );
    return rows.map(({ found }) => found);
  }

  async rowsIn(table: string): Promise<number> {
    const [row] = await this.store.clickhouse.inspect<{ n: number }>(`SELECT toUInt32(count()) AS n FROM ${table}`);
    return row?.n ?? 0;
  }
}

/** Each kind of span in turn by its name, so that all rollups get some. */
function spanOf({ name, trace, tenant, attributes = {}, start }: LateSpan, time: number) {
  const kind = [2, 3][name.length % 2] ?? 1;
  const own = kind === 2 ? { 'http.route': '/r', 'http.response.status_code': 200 } : { 'db.system.name': 'mysql' };
  return otlpSpan({
    ...{ name, kind, start: start ?? time, durationMs: 1 + (name.length % 7) },
    attributes: { ...own, ...attributes, ...(tenant === undefined ? {} : { tenant_id: tenant }) },
    more: { trace_id: trace },
  });
}
