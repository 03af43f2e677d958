import type { ThrottleLimit } from '../domain/flags.ts';
import type { PolicyParams } from './policy-params.ts';

/** Requests a second; a figure above it is a broken reading of something else. */
export const MAX_RATE = 1e9;

/** To the next tenth of a request per second. */
export function roundUpRate(rate: number): number {
  return Math.min(MAX_RATE, Math.ceil(rate * 10) / 10);
}

export function burstOf(requestsPerSecond: number, { burstSeconds }: PolicyParams): number {
  return Math.max(1, Math.ceil(requestsPerSecond * burstSeconds));
}

/** Above what the tenant usually sends, by the headroom. */
export function limitFor(usual: number, params: PolicyParams): ThrottleLimit {
  const requestsPerSecond = Math.max(params.minRequestsPerSecond, roundUpRate(usual * params.headroom));
  return { requestsPerSecond, burst: burstOf(requestsPerSecond, params) };
}

/** At what the tenant's plan allows. */
export function limitAt(ceiling: number, params: PolicyParams): ThrottleLimit {
  const requestsPerSecond = roundUpRate(Math.max(0, ceiling));
  return { requestsPerSecond, burst: burstOf(requestsPerSecond, params) };
}
