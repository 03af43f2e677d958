/** Processes that die without a word: what was acknowledged is counted exactly once, and nothing stays behind. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { inspectStore, postSpans, serverSpan, spansBody } from '../support/flow-otlp.ts';
import { descendants, killAll, stillRunning } from '../support/flow-processes.ts';
import { endEverything, type FlowTenantry, startTenantry } from '../support/flow-tenantry.ts';
import { until } from '../support/flow-waiting.ts';

/** Small segments, so that sealing and loading are under way at every moment at which something is killed. */
const SETTINGS = { TENANTRY_SEGMENT_BYTES: '20000', TENANTRY_SEGMENT_AGE_MS: '400' };
const SENDERS = 4;
/** Between two posts of a sender: what is under way when something dies matters, not how much must be loaded afterwards. */
const PACE_MS = 20;
const START_MS = 90_000;
const TIMEOUT_MS = 180_000;

/** Senders that post one span after the other, each span under a name of its own. */
class Load {
  readonly acknowledged = new Set<string>();
  /** Sent, but the answer did not arrive: stored once or not at all. */
  readonly uncertain = new Set<string>();
  readonly #url: string;
  readonly #phase: string;
  #on = true;
  readonly #done: Promise<unknown>;

  constructor(url: string, phase: string) {
    this.#url = url;
    this.#phase = phase;
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
      const name = `${sender}-${this.#phase}-${count}`;
      const { status } = await postSpans(this.#url, spansBody([serverSpan(`tenant-${sender}`, name)]));
      if (status === 200) this.acknowledged.add(name);
      else if (status === 0) this.uncertain.add(name);
      await delay(PACE_MS);
    }
  }
}

/** All that was sent on one data directory, whatever was killed meanwhile. */
class Account {
  readonly #loads: Load[] = [];

  begin(url: string, phase: string): Load {
    const load = new Load(url, phase);
    this.#loads.push(load);
    return load;
  }

  get acknowledged(): ReadonlySet<string> {
    return new Set(this.#loads.flatMap(({ acknowledged }) => [...acknowledged]));
  }

  get uncertain(): ReadonlySet<string> {
    return new Set(this.#loads.flatMap(({ uncertain }) => [...uncertain]));
  }

  /** What the API counts, once everything is loaded: no less than was acknowledged, no more than was sent. */
  async expectCounted(tenantry: FlowTenantry): Promise<Record<string, number>> {
    await tenantry.loaded();
    const counted = await requestsOf(tenantry);
    const sum = Object.values(counted).reduce((total, count) => total + count, 0);
    expect(sum).toBeGreaterThanOrEqual(this.acknowledged.size);
    expect(sum).toBeLessThanOrEqual(this.acknowledged.size + this.uncertain.size);
    return counted;
  }
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
  if (part === 'server') await until('the API', async () => (await tenantry.ask('/readyz')).status === 200, START_MS);
}

afterAll(endEverything);

// One after the other on one data directory: what an earlier kill lost or doubled would still be seen at the end.
describe('kill -9 under load', () => {
  const account = new Account();
  let tenantry: FlowTenantry;

  it(
    'of the server, then of ingest, then of both: they come back on their ports, and every acknowledged span is counted',
    async () => {
      tenantry = await startTenantry(SETTINGS);
      const load = account.begin(tenantry.otlpUrl, 'parts');
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
      await account.expectCounted(tenantry);
      expect(tenantry.log()).toContain('a process ended unasked, starting it again');
    },
    TIMEOUT_MS,
  );

  it(
    'of the supervisor leaves no process behind, and the next start goes on with the data',
    async () => {
      const load = account.begin(tenantry.otlpUrl, 'supervisor');
      await load.goesOn(150);
      const started = descendants(tenantry.pid);
      expect(started.filter(({ command }) => /postgres/.test(command)).length).toBeGreaterThan(1);
      tenantry.child.kill('SIGKILL');
      await tenantry.exited;
      await load.stop();
      await until('everything to end', () => stillRunning(started.map(({ pid }) => pid)).length === 0);

      tenantry = await startTenantry(SETTINGS, tenantry.dataDir);
      expect(await (await fetch(`${tenantry.url}/healthz`)).json()).toEqual({ status: 'alive' });
      const counted = await account.expectCounted(tenantry);
      const again = account.begin(tenantry.otlpUrl, 'again');
      await again.goesOn(1);
      await again.stop();
      const more = countByTenant(again.acknowledged);
      await tenantry.loaded();
      const sums = Object.entries(counted).map(([id, count]) => [id, count + (more[id] ?? 0)] as const);
      expect(await requestsOf(tenantry)).toEqual(Object.fromEntries(sums));
    },
    TIMEOUT_MS,
  );

  it(
    'of every process at once, as when the machine loses power: in the end nothing is lost, and nothing there twice',
    async () => {
      const load = account.begin(tenantry.otlpUrl, 'power');
      await load.goesOn(150);
      const pids = [tenantry.pid, ...descendants(tenantry.pid).map(({ pid }) => pid)];
      killAll(pids);
      await tenantry.exited;
      await until('everything to be gone', () => stillRunning(pids).length === 0);
      await load.stop();

      tenantry = await startTenantry(SETTINGS, tenantry.dataDir);
      const counted = await account.expectCounted(tenantry);
      expect(await tenantry.stop()).toBe(0);
      const rows = await inspectStore<{ SpanName: string }>(tenantry.dataDir, 'SELECT SpanName FROM tenantry.spans');
      const stored = rows.map(({ SpanName }) => SpanName);
      const storedSet = new Set(stored);
      expect(storedSet.size, 'no span twice').toBe(stored.length);
      const { acknowledged, uncertain } = account;
      expect([...acknowledged].filter((name) => !storedSet.has(name))).toEqual([]);
      expect(stored.filter((name) => !acknowledged.has(name) && !uncertain.has(name))).toEqual([]);
      expect(counted, 'the rollups say what the spans say').toEqual(countByTenant(stored));
    },
    TIMEOUT_MS,
  );
});
