/**
 * Server (with its detector), PostgreSQL and the network to the app are killed at random, while people set and lift
 * throttles and tenants turn noisy. The truth is what the app answers: each refusal is held against the throttles that
 * the API tells of when all is over.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { NewThrottle, ThrottleItem, ThrottleList } from '../../src/api/contract.ts';
import { type Random, seededRandom } from '../../src/demo/random.ts';
import { descendants } from './flow-processes.ts';
import { type BreakableNetwork, startBreakableNetwork } from './flow-proxy.ts';
import { type FlowSaas, startSaas } from './flow-saas.ts';
import { type FlowTenantry, startTenantry } from './flow-tenantry.ts';
import { callSaas, Traffic } from './flow-traffic.ts';
import { until } from './flow-waiting.ts';

const TENANTS = 32;
/** Index of the tenant that people hold back for an hour; those before it are held back for seconds, the first ones noisy. */
const HELD = 31;
const NOISY_TENANTS = 6;
const USUAL_PER_SECOND = 2;
const NOISY_PER_SECOND = 40;
const NOISE_MS = 15_000;
const PROBE_EVERY_MS = 250;
/** How long after its expiry a tenant is asked on: longer than any throttle may outlive it. */
const PROBED_AFTER_MS = 7_000;

const SETTINGS: Readonly<Record<string, string>> = {
  TENANTRY_AUTO_THROTTLE: 'enforce',
  TENANTRY_DETECT_RESOLUTION_SECONDS: '2',
  TENANTRY_DETECT_INTERVAL_SECONDS: '1',
  TENANTRY_DETECT_MIN_HISTORY_SECONDS: '10',
  TENANTRY_THROTTLE_SECONDS: '6',
  TENANTRY_THROTTLE_MAX_SECONDS: '6',
  TENANTRY_THROTTLE_NEEDS_IMPACT: 'false',
  TENANTRY_THROTTLE_MIN_SOURCES: '1',
  TENANTRY_THROTTLE_MIN_HISTORY_SECONDS: '10',
  TENANTRY_THROTTLE_SETTLE_SECONDS: '0',
};

/** Share of the kills that do not wait until what was killed before is up again. */
const KILLED_WHILE_STARTING = 0.3;

const VICTIMS = ['server', 'postgres', 'network'] as const;
type Victim = (typeof VICTIMS)[number];
const victimOf = (kill: number): Victim => VICTIMS[kill % VICTIMS.length] ?? 'server';

export interface KillsOutcome {
  readonly kills: Readonly<Record<Victim, number>>;
  readonly humanThrottles: number;
  readonly lifted: number;
  readonly automaticThrottles: number;
  readonly refusals: number;
  /** Refusals while the API could not be reached: the app obeyed by itself. */
  readonly refusalsAlone: number;
  /** The longest that anybody was refused after the expiry of the last throttle; negative: nobody was. */
  readonly worstOverstayMs: number;
}

interface Refusal {
  readonly tenant: string;
  /** Unix ms at which the request was sent: the app decided after that. */
  readonly at: number;
}

/** Runs until `kills` things were killed, and asserts what must hold then. `seed` repeats the choices, not the timing. */
export async function runKills(kills: number, seed: number, tell: (line: string) => void): Promise<KillsOutcome> {
  const tenantry = await startTenantry(SETTINGS);
  const network = await startBreakableNetwork(Number(new URL(tenantry.url).port));
  const saas = await startSaas(
    { url: `http://127.0.0.1:${network.port}`, otlpUrl: tenantry.otlpUrl },
    { tenants: TENANTS },
  );
  const world = new KillWorld(tenantry, network, saas, seededRandom(seed));
  try {
    return await world.run(kills, tell);
  } finally {
    world.stop();
    await network.close();
    await saas.stop();
  }
}

class KillWorld {
  readonly #tenantry: FlowTenantry;
  readonly #network: BreakableNetwork;
  readonly #saas: FlowSaas;
  readonly #random: Random;
  readonly #traffic: Traffic;
  readonly #kills: Record<Victim, number> = { server: 0, postgres: 0, network: 0 };
  readonly #made: ThrottleItem[] = [];
  readonly #lifted = new Set<string>();
  readonly #refusals: Refusal[] = [];
  #refusalsAlone = 0;
  #heldAnswers: number[] = [];
  #running = true;

  constructor(tenantry: FlowTenantry, network: BreakableNetwork, saas: FlowSaas, random: Random) {
    this.#tenantry = tenantry;
    this.#network = network;
    this.#saas = saas;
    this.#random = random;
    this.#traffic = new Traffic(saas.url);
  }

  stop(): void {
    this.#running = false;
    this.#traffic.stop();
  }

  async run(kills: number, tell: (line: string) => void): Promise<KillsOutcome> {
    const held = await this.#throttle(HELD, 3_600);
    assert.ok(held !== undefined, 'the first throttle is set');
    await until('the app to obey it', async () => (await this.#ask(this.#tenant(HELD))) === 429);
    for (let index = 0; index < NOISY_TENANTS; index += 1) this.#traffic.rate(this.#tenant(index), USUAL_PER_SECOND);
    const others = [this.#holdOne(), this.#makeNoise(), this.#people()];
    for (const [index, victim] of this.#victims(kills).entries()) {
      await this.#mayComeBack();
      await delay(1_000 + this.#random() * 3_000);
      tell(`kill ${index + 1}: ${await this.#kill(victim)}`);
    }
    this.#running = false;
    await Promise.all(others);
    this.#traffic.stop();
    await this.#isBack();
    await until('the app to be told again', async () => (await this.#ask(this.#tenant(HELD))) === 429);
    return this.#judge();
  }

  /** Some are killed while they still start; were it all of them, there would be nothing to be lost. */
  async #mayComeBack(): Promise<void> {
    if (this.#random() >= KILLED_WHILE_STARTING) await this.#isBack();
  }

  async #isBack(): Promise<void> {
    await until('the API to be back', async () => (await this.#tenantry.ask('/v1/throttles')).status === 200, 180_000);
  }

  #tenant(index: number): string {
    return this.#saas.ready.tenants[index]?.id ?? '';
  }

  /** Each as often as the others, in any order. */
  #victims(kills: number): readonly Victim[] {
    const turns = Array.from({ length: kills }, (_, kill) => ({ victim: victimOf(kill), order: this.#random() }));
    return turns.toSorted((one, other) => one.order - other.order).map(({ victim }) => victim);
  }

  async #kill(victim: Victim): Promise<string> {
    if (victim === 'network') {
      const state = this.#random() < 0.5 ? 'cut' : 'silent';
      this.#network.become(state);
      await delay(1_000 + this.#random() * 4_000);
      this.#network.become('open');
      this.#kills.network += 1;
      return `the network (${state})`;
    }
    // What was killed a moment ago may not be up again: then it is killed as soon as it is.
    const pid = await until(`a ${victim} to kill`, () => this.#pidOf(victim), 120_000);
    process.kill(pid, 'SIGKILL');
    this.#kills[victim] += 1;
    return victim;
  }

  #pidOf(victim: 'server' | 'postgres'): number | undefined {
    if (victim === 'server') return this.#tenantry.part('server');
    return descendants(this.#tenantry.pid).find(({ command }) => /\/bin\/postgres .*-D/.test(command))?.pid;
  }

  async #ask(tenant: string): Promise<number> {
    const at = Date.now();
    const { status } = await callSaas(this.#saas.url, tenant);
    if (status === 429) this.#refusals.push({ tenant, at });
    return status;
  }

  async #throttle(index: number, seconds: number): Promise<ThrottleItem | undefined> {
    const body: NewThrottle = {
      ...{ tenant_id: this.#tenant(index), limit: { requests_per_second: 0, burst: 1 }, mode: 'enforce' },
      ...{ expires_in_seconds: seconds, reason: 'set by a person' },
    };
    // Without an answer nobody knows whether it was set; only what was answered must survive.
    const answer = await this.#tenantry
      .ask<ThrottleItem>('/v1/throttles', { method: 'POST', body })
      .catch(() => undefined);
    if (answer?.status !== 201) return undefined;
    this.#made.push(answer.body);
    return answer.body;
  }

  /** The one that is held back for an hour must be refused whatever is killed. */
  async #holdOne(): Promise<void> {
    while (this.#running) {
      const status = await this.#ask(this.#tenant(HELD));
      this.#heldAnswers.push(status);
      if (status === 429) {
        const isAlone = await this.#tenantry.ask('/healthz').then(
          () => false,
          () => true,
        );
        if (isAlone) this.#refusalsAlone += 1;
      }
      await delay(PROBE_EVERY_MS);
    }
  }

  /** Tenants turn noisy one after the other; whether they are found in time is up to what is killed. */
  async #makeNoise(): Promise<void> {
    for (let turn = 0; this.#running; turn += 1) {
      const tenant = this.#tenant(turn % NOISY_TENANTS);
      await delay(NOISE_MS);
      this.#traffic.rate(tenant, NOISY_PER_SECOND);
      await this.#probe(tenant, Date.now() + NOISE_MS);
      this.#traffic.rate(tenant, USUAL_PER_SECOND);
    }
  }

  /** Throttles of some seconds, on a tenant after the other; each fourth is lifted again. */
  async #people(): Promise<void> {
    const probes: Promise<void>[] = [];
    for (let turn = 0; this.#running; turn += 1) {
      const index = NOISY_TENANTS + (turn % (HELD - NOISY_TENANTS));
      const made = await this.#throttle(index, 3 + Math.floor(this.#random() * 6));
      if (made !== undefined) {
        probes.push(this.#probe(made.tenant_id, Date.parse(made.expires_at) + PROBED_AFTER_MS));
        if (turn % 4 === 0) await this.#lift(made.id);
      }
      await delay(1_000);
    }
    await Promise.all(probes);
  }

  async #lift(id: string): Promise<void> {
    await delay(500);
    const answer = await this.#tenantry.ask(`/v1/throttles/${id}`, { method: 'DELETE' }).catch(() => undefined);
    if (answer?.status === 200) this.#lifted.add(id);
  }

  async #probe(tenant: string, untilUnixMs: number): Promise<void> {
    while (Date.now() < untilUnixMs) {
      await this.#ask(tenant);
      await delay(PROBE_EVERY_MS);
    }
  }

  async #judge(): Promise<KillsOutcome> {
    const stored = new Map<string, readonly ThrottleItem[]>();
    for (const { id } of this.#saas.ready.tenants) {
      const { status, body } = await this.#tenantry.ask<ThrottleList>(`/v1/throttles?tenant_id=${id}&limit=500`);
      assert.equal(status, 200);
      stored.set(id, body.items);
    }
    this.#humansSurvive(stored);
    const automatic = [...stored.values()].flat().filter(({ anomaly_id: finding }) => finding !== null);
    return {
      kills: this.#kills,
      humanThrottles: this.#made.length,
      lifted: this.#lifted.size,
      automaticThrottles: automatic.length,
      refusals: this.#refusals.length,
      refusalsAlone: this.#refusalsAlone,
      worstOverstayMs: Math.max(
        ...this.#refusals.map(({ tenant, at }) => overstay(stored.get(tenant) ?? [], tenant, at)),
      ),
    };
  }

  #humansSurvive(stored: ReadonlyMap<string, readonly ThrottleItem[]>): void {
    const byId = new Map([...stored.values()].flat().map((item) => [item.id, item]));
    for (const { id, tenant_id: tenant, expires_at: expiry } of this.#made) {
      const now = byId.get(id);
      assert.ok(now !== undefined, `the throttle of ${tenant} that somebody set is gone`);
      assert.equal(now.expires_at, expiry, 'nobody changed when it ends');
      if (this.#lifted.has(id)) assert.equal(now.status, 'lifted', 'what somebody lifted stays lifted');
      else if (tenant !== this.#tenant(HELD)) assert.ok(now.status !== 'active', 'what is over is over');
      else assert.equal(now.status, 'active', 'what somebody set for an hour is in force');
    }
    // A limit of nothing with a burst of one lets one request pass after each new snapshot, and never two.
    const twice = this.#heldAnswers.some((status, at) => status === 200 && this.#heldAnswers[at + 1] === 200);
    assert.ok(!twice, 'the tenant that somebody holds back was served');
    assert.ok(this.#heldAnswers.filter((status) => status === 429).length > this.#heldAnswers.length * 0.9);
  }
}

/** How long after the end of the tenant's last throttle it was refused, in ms; negative while one was in force. */
function overstay(throttles: readonly ThrottleItem[], tenant: string, at: number): number {
  // One that was written but whose answer was lost counts as well: the API tells of it.
  const begun = throttles.filter(({ created_at: begin }) => Date.parse(begin) <= at + 1_000);
  assert.ok(begun.length > 0, `${tenant} was refused without any throttle`);
  return at - Math.max(...begun.map(({ expires_at: expiry }) => Date.parse(expiry)));
}
