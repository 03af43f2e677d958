import type { LatencyEvent } from './detect-latency.ts';
import { between, gamma, poisson, seeded } from './detect-random.ts';
import { DAY, type PlainTenant } from './detect-tenants.ts';

/** One tenant's tokens per minute beside the calls that used them, with phases of dearer calls. */
export interface TokenTenant {
  readonly id: string;
  readonly start: number;
  readonly requests: Float64Array;
  readonly tokens: Float64Array;
  readonly scoredFrom: number;
  /** Calls cost four times the tokens, their number is as ever. */
  readonly events: readonly LatencyEvent[];
}

/** Least excess, in mean calls a minute, that is scored: as for requests. */
const SCORED_EXCESS = 20;

export function tokenTenant(tenant: PlainTenant, meanTokens: number, seed: number, perDay: number): TokenTenant {
  const random = seeded(seed, 'tokens', tenant.id);
  const { values: requests, scoredFrom, start } = tenant;
  // Token counts of real clients vary about as much as they are large.
  const shape = 1 / between(random, 0.7, 1.3) ** 2;
  const events: LatencyEvent[] = [];
  const wanted = poisson(random, (perDay * (requests.length - scoredFrom)) / DAY);
  for (let turn = 0; turn < wanted; turn += 1) {
    const from = scoredFrom + Math.floor(random() * (requests.length - scoredFrom));
    const to = from + Math.round(between(random, 30, 120));
    if (to > requests.length || events.some((one) => from < one.to + 180 && to > one.from - 180)) continue;
    let calls = 0;
    for (let minute = from; minute < to; minute += 1) calls += requests[minute] ?? 0;
    const factor = 4;
    if ((calls / (to - from)) * (factor - 1) >= SCORED_EXCESS) events.push({ from, to, factor, anomaly: true });
  }
  const tokens = requests.map((calls, minute) => {
    const factor = events.find((one) => minute >= one.from && minute < one.to)?.factor ?? 1;
    return calls > 0 ? Math.round((factor * meanTokens * gamma(random, calls * shape)) / shape) : calls;
  });
  return { id: tenant.id, start, requests, tokens, scoredFrom, events };
}
