import { between, gamma, normal, poisson, type Random, seeded } from './detect-random.ts';
import type { PlainTenant } from './detect-tenants.ts';
import { DAY } from './detect-tenants.ts';

export interface LatencyEvent {
  readonly from: number;
  readonly to: number;
  readonly factor: number;
  /** What the detector should find: a factor of 2 and more that lasts. */
  readonly anomaly: boolean;
}

/** One tenant's p95 per minute beside the requests that it was made of. */
export interface LatencyTenant {
  readonly id: string;
  readonly start: number;
  readonly requests: Float64Array;
  /** Milliseconds; NaN where there was no request. */
  readonly p95: Float64Array;
  readonly scoredFrom: number;
  readonly events: readonly LatencyEvent[];
  /** Mean requests a minute over the scored part. */
  readonly volume: number;
}

/** Inverse of the normal distribution function (Acklam's central and tail fits, good to 1e-4 here). */
function normalQuantile(p: number): number {
  const t = Math.sqrt(-2 * Math.log(Math.min(p, 1 - p)));
  const z =
    t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3);
  return p < 0.5 ? -z : z;
}

/** The share of the distribution below the 95th percentile of `count` draws: an order statistic, so a beta variate. */
function p95Share(random: Random, count: number): number {
  const rank = Math.ceil(0.95 * count);
  const below = gamma(random, rank);
  return below / (below + gamma(random, count - rank + 1));
}

function eventsOf(random: Random, from: number, until: number, perDay: number): LatencyEvent[] {
  const events: LatencyEvent[] = [];
  const wanted = poisson(random, (2 * perDay * (until - from)) / DAY);
  for (let turn = 0; turn < wanted; turn += 1) {
    const anomaly = random() < 0.5;
    const start = from + Math.floor(random() * (until - from));
    const length = Math.round(anomaly ? between(random, 30, 120) : between(random, 60, 240));
    const factor = anomaly ? (random() < 0.5 ? 2.2 : 3) : 1.3;
    const event = { from: start, to: start + length, factor, anomaly };
    if (event.to > until || events.some((one) => event.from < one.to + 180 && event.to > one.from - 180)) continue;
    events.push(event);
  }
  return events.toSorted((left, right) => left.from - right.from);
}

/** Log-normal latencies with a daily swing and a slow drift, measured by the p95 of as many requests as there were. */
export function latencyTenant(tenant: PlainTenant, seed: number, perDay: number): LatencyTenant {
  const random = seeded(seed, 'latency', tenant.id);
  const spread = between(random, 0.3, 0.9);
  const usual = Math.log(between(random, 20, 400));
  const swing = between(random, 0, 0.2);
  const peakHour = between(random, 8, 20);
  const { values: requests, scoredFrom, start } = tenant;
  const events = eventsOf(
    random,
    scoredFrom + (tenant.kind === 'newcomer' ? 3 * DAY : 60),
    requests.length - 10,
    perDay,
  );
  let drift = 0;
  const p95 = requests.map((count, minute) => {
    drift = 0.99 * drift + 0.01 * normal(random);
    if (!(count >= 1)) return Number.NaN;
    const season = swing * Math.cos((2 * Math.PI * ((start + minute) / 60 - peakHour)) / 24);
    const event = events.find((one) => minute >= one.from && minute < one.to);
    const middle = usual + season + drift + Math.log(event?.factor ?? 1);
    return Math.exp(middle + spread * normalQuantile(p95Share(random, Math.round(count))));
  });
  let sum = 0;
  for (let minute = scoredFrom; minute < requests.length; minute += 1) sum += requests[minute] ?? 0;
  const volume = sum / (requests.length - scoredFrom);
  return { id: tenant.id, start, requests, p95, scoredFrom, events, volume };
}
