/** Spans come in over OTLP all the while, and the ClickHouse server behind is disturbed: what was accepted against what is stored. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { MINUTE_MS } from '../../src/domain/window.ts';
import { SegmentLoader } from '../../src/store/clickhouse/segment-loader.ts';
import { ServerClickHouse } from '../../src/store/clickhouse/server-clickhouse.ts';
import { exception, type FaultProxy, type InsertFault, startFaultProxy } from './clickhouse-faults.ts';
import { type ClickHouseServer, startServerStore } from './clickhouse-server.ts';
import { IngestBench } from './ingest-bench.ts';
import { encodeTraceRequest } from './otlp-proto.ts';
import { otlpRequest, otlpSpan } from './spans.ts';

const TENANTS = 12;
const MINUTES = 3;
const SPANS_PER_REQUEST = 24;
const REQUEST_EVERY_MS = 25;

export interface Disturbance {
  readonly name: string;
  /** Resolves when the server is well again; spans come in until then. */
  run(server: ClickHouseServer, proxy: FaultProxy): Promise<void>;
}

export interface FaultLoadOutcome {
  /** Spans by `<tenant> <start of the minute, Unix ms>`. */
  readonly accepted: Readonly<Record<string, number>>;
  readonly stored: Readonly<Record<string, number>>;
  /** The same from the rollup. */
  readonly rolledUp: Readonly<Record<string, number>>;
  readonly statuses: readonly number[];
  readonly acceptedSpans: number;
  readonly failedInserts: number;
  readonly quarantined: number;
  /** From the end of the disturbance to the last segment's being in. */
  readonly drainedMs: number;
  /** Most resident memory of this process (receiver, loader and sender) above what it had at the start. */
  readonly grownBytes: number;
}

/** Seven of ten inserts fail: five before anything is written, two after the commit, whose answer is lost. */
export function sevenOfTenFail(ms: number): Disturbance {
  let inserts = 0;
  const ways = [
    'none',
    'refused',
    'answer lost',
    exception(202, 'TOO_MANY_SIMULTANEOUS_QUERIES'),
    'reset in mid-insert',
    'none',
    'answer lost',
    { status: 503, body: 'busy' },
    'none',
    'refused',
  ] as const satisfies readonly InsertFault[];
  return {
    name: 'seven of ten inserts fail, two of them after the commit',
    run: async (_server, proxy) => {
      proxy.spoil(() => {
        inserts += 1;
        return ways[inserts % ways.length] ?? 'none';
      });
      // What is still spooled then is loaded under the same faults.
      await delay(ms);
    },
  };
}

export function standsStill(ms: number): Disturbance {
  return {
    name: 'the server stands still (SIGSTOP)',
    run: async (server) => {
      await delay(1_000);
      server.pause();
      await delay(ms);
      server.goOn();
    },
  };
}

export function isKilled(ms: number): Disturbance {
  return {
    name: 'the server is killed and away',
    run: async (server) => {
      await delay(1_000);
      await server.kill();
      await delay(ms);
      await server.restart();
    },
  };
}

/** Runs one disturbance under load, waits until the spool is empty, and counts. */
export async function runFaultLoad({ run }: Disturbance): Promise<FaultLoadOutcome> {
  const store = await startServerStore({ isMigrated: true });
  const proxy = await startFaultProxy(store.server.port);
  const url = store.server.url.replace(/:\d+$/, `:${proxy.port}`);
  const clickhouse = new ServerClickHouse({ url, timeouts: { idleMs: 3_000, insertMs: 5_000 } });
  const bench = new IngestBench();
  let failedInserts = 0;
  const countFailure = () => {
    failedInserts += 1;
  };
  const log = pino({ level: 'error' }, { write: countFailure });
  const loader = new SegmentLoader({ spoolFolder: bench.dir.spool, clickhouse, log, firstRetryMs: 50 });
  try {
    await bench.start({ TENANTRY_SEGMENT_AGE_MS: '400' });
    await loader.start();
    const load = new Load(bench);
    const sending = load.run();
    await run(store.server, proxy);
    const wellAgain = Date.now();
    load.stop();
    await sending;
    await bench.stop();
    const sealed = join(bench.dir.spool, 'sealed');
    while (readdirSync(sealed).length > 0) await delay(20);
    const drainedMs = Date.now() - wellAgain;
    await loader.stop();
    const counted = async (sql: string) => {
      const rows = await store.clickhouse.inspect<{ key: string; n: number }>(sql);
      return Object.fromEntries(rows.map(({ key, n }) => [key, n]));
    };
    const byMinute = (time: string) => `concat(TenantId, ' ', toString(toUnixTimestamp(${time}) * 1000)) AS key`;
    return {
      ...{ accepted: load.accepted, statuses: [...load.statuses].toSorted(), acceptedSpans: load.acceptedSpans },
      stored: await counted(
        `SELECT ${byMinute('toStartOfMinute(Timestamp)')}, toUInt32(count()) AS n FROM tenantry.spans GROUP BY key`,
      ),
      rolledUp: await counted(
        `SELECT ${byMinute('Time')}, toUInt32(sum(Requests)) AS n FROM tenantry.requests_by_minute GROUP BY key`,
      ),
      ...{ failedInserts, quarantined: loader.figures().quarantinedRequests, drainedMs, grownBytes: load.grownBytes },
    };
  } finally {
    await bench.end();
    await loader.stop();
    await clickhouse.close();
    await proxy.close();
    await store.stop();
  }
}

/** A client that sends as fast as it is told, and never again what was refused: only what was accepted counts. */
class Load {
  readonly accepted: Record<string, number> = {};
  readonly statuses = new Set<number>();
  acceptedSpans = 0;
  grownBytes = 0;
  readonly #bench: IngestBench;
  readonly #memoryAtStart = process.memoryUsage.rss();
  readonly #firstMinute = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - MINUTES * MINUTE_MS;
  #stopped = false;
  #sent = 0;

  constructor(bench: IngestBench) {
    this.#bench = bench;
  }

  async run(): Promise<void> {
    const open = new Set<Promise<void>>();
    while (!this.#stopped) {
      const sending = this.#send();
      open.add(sending);
      void sending.finally(() => open.delete(sending));
      this.grownBytes = Math.max(this.grownBytes, process.memoryUsage.rss() - this.#memoryAtStart);
      await delay(REQUEST_EVERY_MS);
    }
    await Promise.all(open);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #send(): Promise<void> {
    const places = Array.from({ length: SPANS_PER_REQUEST }, () => {
      this.#sent += 1;
      const at = this.#firstMinute + (Math.floor(this.#sent / TENANTS) % MINUTES) * MINUTE_MS;
      return { tenant: `tenant-${this.#sent % TENANTS}`, at };
    });
    const spans = places.map(({ tenant, at }) =>
      otlpSpan({ kind: 2, start: at + 1_000, attributes: { tenant_id: tenant, 'http.route': '/r' } }),
    );
    const { status } = await this.#bench.post(encodeTraceRequest(otlpRequest(spans)));
    this.statuses.add(status);
    if (status !== 200) return;
    this.acceptedSpans += spans.length;
    for (const { tenant, at } of places) this.accepted[`${tenant} ${at}`] = (this.accepted[`${tenant} ${at}`] ?? 0) + 1;
  }
}
