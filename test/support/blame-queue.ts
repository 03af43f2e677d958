import type { PoolUse } from '../../src/detect/blame/pool-baseline.ts';
import { between, normal, poisson, type Random, seeded } from './detect-random.ts';

/**
 * A shared resource as a first-come-first-served queue with a few servers, simulated request by request: tenants of
 * very different size, load noise, coincident harmless bursts, and one of the incidents below at a known minute.
 */
export const CULPRIT_INCIDENTS = [
  'burst',
  'big-tenant',
  'ramp',
  'heavy-requests',
  'retry-storm',
  'two-culprits',
] as const;
export const GLOBAL_INCIDENTS = ['costly-release', 'slow-dependency'] as const;
export type Incident = (typeof CULPRIT_INCIDENTS)[number] | (typeof GLOBAL_INCIDENTS)[number] | 'quiet';

/** `hard`: little room before the incident, little overload in it, CPU metered with 20 % noise. */
export type Setting = 'standard' | 'hard';

interface PoolMinute {
  /** Minutes since the start. */
  readonly at: number;
  readonly uses: ReadonlyMap<string, PoolUse>;
}

export interface SimulatedPool {
  readonly minutes: readonly PoolMinute[];
  /** Minute at which the incident begins. */
  readonly onset: number;
  readonly culprits: readonly string[];
}

export interface SimulationOptions {
  readonly seed: number;
  readonly incident: Incident;
  readonly setting: Setting;
  readonly tenants?: number;
}

const TENANTS = 25;
const SERVERS = 4;
const ONSET = 75;
const INCIDENT_MINUTES = 15;
const MINUTE_MS = 60_000;
const CPU_SHARE = 0.6;
/** How far load wanders by itself: an AR(1) process in the logarithm. */
const LOAD_MEMORY = 0.85;
const LOAD_SPREAD = 0.12;

interface SimTenant {
  readonly id: string;
  /** Requests a minute, usually. */
  readonly rate: number;
  /** Mean service time of one request, ms. */
  readonly serviceMs: number;
  wander: number;
  /** Requests given up and sent again in the next minute. */
  retries: number;
  burst: { readonly from: number; readonly to: number; readonly factor: number } | undefined;
}

interface Injection {
  /** Extra work of the culprits, in ms of service a minute, once it is fully there. */
  readonly extraMs: number;
  readonly culprits: readonly SimTenant[];
}

export function simulatePool(options: SimulationOptions): SimulatedPool {
  const { seed, incident, setting } = options;
  const random = seeded('pool', incident, setting, seed);
  const capacityMs = SERVERS * MINUTE_MS;
  const utilisation = setting === 'hard' ? between(random, 0.72, 0.84) : between(random, 0.5, 0.7);
  const tenants = makeTenants(random, options.tenants ?? TENANTS, utilisation * capacityMs);
  const overload = setting === 'hard' ? between(random, 0.98, 1.12) : between(random, 1.05, 1.4);
  const injection: Injection = {
    extraMs: (overload - utilisation) * capacityMs,
    culprits: pickCulprits(random, tenants, incident),
  };
  addHarmlessBursts(random, tenants, injection.culprits);
  const servers = new Float64Array(SERVERS);
  const minutes: PoolMinute[] = [];
  for (let at = 0; at < ONSET + INCIDENT_MINUTES; at += 1) {
    minutes.push({ at, uses: simulateMinute(random, tenants, servers, at, options, injection) });
  }
  return { minutes, onset: ONSET, culprits: injection.culprits.map(({ id }) => id) };
}

function makeTenants(random: Random, count: number, totalMs: number): SimTenant[] {
  const weights = Array.from({ length: count }, () => (1 - random()) ** (-1 / 1.3));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight, index) => {
    const serviceMs = between(random, 30, 90);
    return {
      id: `tenant-${index}`,
      rate: ((weight / all) * totalMs) / serviceMs,
      serviceMs,
      wander: 0,
      retries: 0,
      burst: undefined,
    };
  });
}

function pickCulprits(random: Random, tenants: readonly SimTenant[], incident: Incident): SimTenant[] {
  const bySize = tenants.toSorted((a, b) => b.rate * b.serviceMs - a.rate * a.serviceMs);
  const from = (start: number, end: number) => bySize[Math.floor(between(random, start, end))] ?? bySize[0];
  const chosen: Record<Incident, () => (SimTenant | undefined)[]> = {
    burst: () => [from(0, tenants.length)],
    'big-tenant': () => [bySize[0]],
    ramp: () => [from(0, tenants.length / 2)],
    'heavy-requests': () => [from(0, tenants.length / 2)],
    'retry-storm': () => [from(0, tenants.length)],
    'two-culprits': () => [from(0, tenants.length / 4), from(tenants.length / 4, tenants.length / 2)],
    'costly-release': () => [],
    'slow-dependency': () => [],
    quiet: () => [],
  };
  return chosen[incident]().filter((tenant) => tenant !== undefined);
}

function addHarmlessBursts(random: Random, tenants: readonly SimTenant[], culprits: readonly SimTenant[]): void {
  const small = tenants.toSorted((a, b) => a.rate * a.serviceMs - b.rate * b.serviceMs).slice(0, -5);
  for (let bursts = Math.floor(between(random, 0, 4)); bursts > 0; bursts -= 1) {
    const tenant = small[Math.floor(random() * small.length)];
    if (tenant === undefined || culprits.includes(tenant)) continue;
    const from = ONSET + Math.floor(between(random, -5, 5));
    tenant.burst = { from, to: from + between(random, 3, 10), factor: between(random, 1.5, 3) };
  }
}

function simulateMinute(
  random: Random,
  tenants: readonly SimTenant[],
  servers: Float64Array,
  at: number,
  { incident, setting }: SimulationOptions,
  injection: Injection,
): Map<string, PoolUse> {
  const active = at >= ONSET;
  const strength = incident === 'ramp' ? Math.min(1, (at - ONSET + 1) / 10) : 1;
  const common = active && (GLOBAL_INCIDENTS as readonly string[]).includes(incident);
  // A dependency or a release that makes every request take longer, by as much as brings the same overload.
  const commonFactor = common ? 1 + injection.extraMs / tenants.reduce((sum, t) => sum + t.rate * t.serviceMs, 0) : 1;
  const arrivals: { time: number; service: number; tenant: number }[] = [];
  const served = tenants.map((tenant, index) => {
    tenant.wander = LOAD_MEMORY * tenant.wander + LOAD_SPREAD * normal(random);
    const bursting = tenant.burst !== undefined && at >= tenant.burst.from && at < tenant.burst.to;
    let rate = tenant.rate * Math.exp(tenant.wander) * (bursting ? (tenant.burst?.factor ?? 1) : 1);
    let heavier = commonFactor;
    if (active && injection.culprits.includes(tenant)) {
      const extra = (strength * injection.extraMs) / injection.culprits.length / (tenant.rate * tenant.serviceMs);
      if (incident === 'heavy-requests') heavier = 1 + extra;
      else rate += tenant.rate * extra;
    }
    const requests = poisson(random, rate) + tenant.retries;
    tenant.retries = 0;
    let serviceSum = 0;
    for (let request = 0; request < requests; request += 1) {
      const service = tenant.serviceMs * heavier * Math.exp(0.8 * normal(random) - 0.32);
      serviceSum += service;
      arrivals.push({ time: at * MINUTE_MS + random() * MINUTE_MS, service, tenant: index });
    }
    return { requests, serviceSum, usualSum: serviceSum / heavier };
  });
  const latencies = runQueue(arrivals, servers, tenants, active && incident === 'retry-storm');
  const noise = setting === 'hard' ? 0.2 : 0.05;
  return new Map(
    tenants.flatMap((tenant, index) => {
      const { requests, serviceSum, usualSum } = served[index] ?? { requests: 0, serviceSum: 0, usualSum: 0 };
      if (requests === 0) return [];
      const metered = Math.max(0, 1 + noise * normal(random));
      // Waiting for a slow dependency burns no CPU.
      const cpuMs = (incident === 'slow-dependency' ? usualSum : serviceSum) * CPU_SHARE * metered;
      const dbMs = (serviceSum - usualSum * CPU_SHARE) * metered;
      const use: PoolUse = {
        requests,
        cpuMs,
        dbMs: incident === 'slow-dependency' ? dbMs : serviceSum * (1 - CPU_SHARE) * metered,
        p95Ms: p95(latencies[index] ?? []),
      };
      return [[tenant.id, use] as const];
    }),
  );
}

/** Serves arrivals in order on the first free server; the servers' state goes on into the next minute. */
function runQueue(
  arrivals: { time: number; service: number; tenant: number }[],
  servers: Float64Array,
  tenants: readonly SimTenant[],
  retrying: boolean,
): number[][] {
  const latencies: number[][] = tenants.map(() => []);
  arrivals.sort((a, b) => a.time - b.time);
  for (const { time, service, tenant } of arrivals) {
    let free = 0;
    for (let server = 1; server < servers.length; server += 1) {
      if ((servers[server] ?? 0) < (servers[free] ?? 0)) free = server;
    }
    const end = Math.max(time, servers[free] ?? 0) + service;
    servers[free] = end;
    latencies[tenant]?.push(end - time);
    const owner = tenants[tenant];
    // Callers give up after a while and send the request once more.
    if (
      retrying &&
      owner !== undefined &&
      end - time > 8 * owner.serviceMs + 500 &&
      (latencies[tenant]?.length ?? 0) % 2 === 0
    ) {
      owner.retries += 1;
    }
  }
  return latencies;
}

function p95(latencies: readonly number[]): number | null {
  if (latencies.length === 0) return null;
  const sorted = Float64Array.from(latencies).sort();
  return sorted[Math.ceil(0.95 * sorted.length) - 1] ?? null;
}
