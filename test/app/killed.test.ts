/** Processes that die without a word: what was acknowledged is counted exactly once, and nothing stays behind. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { inspectStore, postSpans, serverSpan, spansBody } from '../support/flow-otlp.ts';
import { descendants, stillRunning } from '../support/flow-processes.ts';
import { endEverything, type FlowTenantry, startTenantry } from '../support/flow-tenantry.ts';
import { until } from '../support/flow-waiting.ts';

/** Small segments, so that sealing and loading are under way at every moment at which something is killed. */
const SETTINGS = { TENANTRY_SEGMENT_BYTES: '20000', TENANTRY_SEGMENT_AGE_MS: '400' };
const SENDERS = 4;
/** Between two posts of a sender: what is under way when something dies matters, not how much must be loaded afterwards. */
const PACE_MS = 20;
const TIMEOUT_MS = 150_000;

/** Senders that post one span after the other, each span under a name of its own. */
class Load {
  readonly acknowledged = new Set<string>();
  /** Sent, but the answer did not arrive: stored once or not at all. */
  readonly uncertain = new Set<string>();
  readonly #url: string;
  #on = true;
  #done: Promise<unknown> = Promise.resolve();

  constructor(url: string) {
    this.#url = url;
  }

  start(): void {
    this.#done = Promise.all(Array.from({ length: SENDERS }, (_, sender) => this.#send(sender)));
  }

  async stop(): Promise<void> {
    this.#on = false;
    await this.#done;
  }

  /** Resolves after so many further acknowledgements. */
  async goesOn(count: number): Promise<void> {
    const target = this.acknowledged.size + count;
    await until(`${count} more acknowledgements`, () => this.acknowledged.size >= target);
  }

  async #send(sender: number): Promise<void> {
    for (let count = 0; this.#on; count++) {
      const name = `${sender}-${count}`;
      const { status } = await postSpans(this.#url, spansBody([serverSpan(`tenant-${sender}`, name)]));
      if (status === 200) this.acknowledged.add(name);
      else if (status === 0) this.uncertain.add(name);
      await delay(PACE_MS);
    }
  }
}

async function storedNames(dataDir: string): Promise<string[]> {
  const rows = await inspectStore<{ SpanName: string }>(dataDir, 'SELECT SpanName FROM tenantry.spans');
  return rows.map(({ SpanName }) => SpanName);
}

async function requestsOf(tenantry: FlowTenantry): Promise<Record<string, number>> {
  return Object.fromEntries([...(await tenantry.tenants())].map(([id, { requests }]) => [id, requests]));
}

function countByTenant(names: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) {
    const id = `tenant-${name.split('-')[0]}`;
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

/** Restarted: another process than `before`, and ready. */
async function restarted(tenantry: FlowTenantry, part: 'ingest' | 'server', before: number): Promise<void> {
  await until(`another ${part}`, () => tenantry.part(part) !== before);
  if (part === 'server') await until('the API', async () => (await tenantry.ask('/readyz')).status === 200);
}

afterEach(endEverything);
afterAll(endEverything);

describe('kill -9 under load', () => {
  it(
    'of the server, then of ingest: both come back on their ports, and every acknowledged span is counted once',
    async () => {
      const tenantry = await startTenantry(SETTINGS);
      const load = new Load(tenantry.otlpUrl);
      load.start();
      await load.goesOn(200);

      const server = tenantry.part('server');
      process.kill(server, 'SIGKILL');
      // Telemetry is taken and acknowledged while there is no server, without one refusal.
      await load.goesOn(100);
      expect(load.uncertain.size).toBe(0);
      await restarted(tenantry, 'server', server);

      const ingest = tenantry.part('ingest');
      process.kill(ingest, 'SIGKILL');
      await restarted(tenantry, 'ingest', ingest);
      await load.goesOn(200);

      const both = [tenantry.part('ingest'), tenantry.part('server')] as const;
      for (const pid of both) process.kill(pid, 'SIGKILL');
      await restarted(tenantry, 'ingest', both[0]);
      await restarted(tenantry, 'server', both[1]);
      await load.goesOn(100);
      await load.stop();

      await tenantry.loaded();
      const counted = await requestsOf(tenantry);
      expect(await tenantry.stop()).toBe(0);
      const stored = await storedNames(tenantry.dataDir);
      expect(new Set(stored).size, 'no span twice').toBe(stored.length);
      const storedSet = new Set(stored);
      expect([...load.acknowledged].filter((name) => !storedSet.has(name))).toEqual([]);
      expect(stored.filter((name) => !load.acknowledged.has(name) && !load.uncertain.has(name))).toEqual([]);
      expect(counted, 'the rollups say what the spans say').toEqual(countByTenant(stored));
      expect(tenantry.log()).toContain('a process ended unasked, starting it again');
    },
    TIMEOUT_MS,
  );

  it(
    'of the supervisor leaves no process behind, and the next start goes on with the data',
    async () => {
      const first = await startTenantry(SETTINGS);
      const load = new Load(first.otlpUrl);
      load.start();
      await load.goesOn(150);
      const started = descendants(first.pid);
      expect(started.filter(({ command }) => /postgres/.test(command)).length).toBeGreaterThan(1);
      first.child.kill('SIGKILL');
      await first.exited;
      await load.stop();
      await until('everything to end', () => stillRunning(started.map(({ pid }) => pid)).length === 0);

      const second = await startTenantry(SETTINGS, first.dataDir);
      expect(await (await fetch(`${second.url}/healthz`)).json()).toEqual({ status: 'alive' });
      await second.loaded();
      const counted = await requestsOf(second);
      const sum = Object.values(counted).reduce((total, count) => total + count, 0);
      expect(sum).toBeGreaterThanOrEqual(load.acknowledged.size);
      expect(sum).toBeLessThanOrEqual(load.acknowledged.size + load.uncertain.size);
      expect((await postSpans(second.otlpUrl, spansBody([serverSpan('tenant-0', '0-again')]))).status).toBe(200);
      await second.loaded();
      expect(await requestsOf(second)).toEqual({ ...counted, 'tenant-0': (counted['tenant-0'] ?? 0) + 1 });
    },
    TIMEOUT_MS,
  );

  it(
    'of every process at once, as when the machine loses power, loses nothing and counts nothing twice',
    async () => {
      const first = await startTenantry(SETTINGS);
      const load = new Load(first.otlpUrl);
      load.start();
      await load.goesOn(150);
      const pids = [first.pid, ...descendants(first.pid).map(({ pid }) => pid)];
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await first.exited;
      await until('everything to be gone', () => stillRunning(pids).length === 0);
      await load.stop();
      const second = await startTenantry(SETTINGS, first.dataDir);
      await second.loaded();
      const counted = await requestsOf(second);
      expect(await second.stop()).toBe(0);
      const stored = await storedNames(first.dataDir);
      expect(new Set(stored).size).toBe(stored.length);
      const storedSet = new Set(stored);
      expect([...load.acknowledged].filter((name) => !storedSet.has(name))).toEqual([]);
      expect(counted).toEqual(countByTenant(stored));
    },
    TIMEOUT_MS,
  );
});
