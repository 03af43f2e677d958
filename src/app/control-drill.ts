import type { KillSwitchItem, ReachItem } from '../api/contract.ts';
import { TenantryError } from '../domain/errors.ts';
import { SECOND_MS } from '../domain/window.ts';

export interface DrillOptions {
  /** A request to the server. */
  readonly ask: <Answer>(method: string, path: string, body?: unknown) => Promise<Answer>;
  readonly reason: string;
  /** Longest wait for each of the two. */
  readonly withinSeconds: number;
  /** Share of the live instances that must be reached in that time, 0 to 1. */
  readonly share: number;
  readonly wait: (ms: number) => Promise<void>;
  /** Milliseconds that never jump. */
  readonly monotonicMs: () => number;
}

/** How one change of the switch reached the apps. Delays are ms on the database's clock, null: nobody was reached. */
export interface DrillPhase {
  readonly phase: 'on' | 'off';
  readonly instances: number;
  readonly reached: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly slowestMs: number | null;
  readonly passed: boolean;
}

const LOOK_EVERY_MS = 200;

/**
 * Switches automation off and on again and watches every live app instance obey: an experiment on the real thing, for as
 * long as it takes. Whatever happens in between, the switch is off again in the end.
 * @throws TenantryError CONFLICT when the switch is on already, or no database tells the other servers
 */
export async function drill(options: DrillOptions): Promise<readonly DrillPhase[]> {
  const { ask, reason } = options;
  const before = await ask<KillSwitchItem>('GET', '/v1/control/kill-switch');
  if (before.on) {
    throw new TenantryError('CONFLICT', `The kill switch is on already: ${before.reason}`, {
      hint: 'A drill ends with the switch off, so it is not begun while somebody needs it.',
    });
  }
  let on: DrillPhase | undefined;
  try {
    on = await phase(options, 'on', reason);
  } catch (error) {
    await ask('PUT', '/v1/control/kill-switch', { on: false, reason });
    throw error;
  }
  return [on, await phase(options, 'off', reason)];
}

async function phase(options: DrillOptions, name: DrillPhase['phase'], reason: string): Promise<DrillPhase> {
  const { ask, share, withinSeconds, wait, monotonicMs } = options;
  const body = { on: name === 'on', reason };
  const { at, revision } = await ask<KillSwitchItem>('PUT', '/v1/control/kill-switch', body);
  if (revision === null) {
    throw new TenantryError('STORE_UNAVAILABLE', 'The switch was set on this server alone: the database is away.', {
      hint: 'Try again when `tenantry doctor` says that the database answers.',
    });
  }
  const until = monotonicMs() + withinSeconds * SECOND_MS;
  for (;;) {
    const { items } = await ask<ReachItem>('GET', `/v1/control/reach?revision=${revision}`);
    const result = summary(name, items, at === null ? null : Date.parse(at), options);
    const isAll = result.reached === result.instances && result.instances > 0;
    if (isAll || monotonicMs() >= until) return { ...result, passed: isPassed(result, share) };
    await wait(LOOK_EVERY_MS);
  }
}

function isPassed({ instances, reached }: Pick<DrillPhase, 'instances' | 'reached'>, share: number): boolean {
  return instances > 0 && reached / instances >= share;
}

function summary(
  name: DrillPhase['phase'],
  items: ReachItem['items'],
  setAt: number | null,
  { withinSeconds }: DrillOptions,
): Omit<DrillPhase, 'passed'> {
  const delays = items
    .flatMap(({ acked_at: ackedAt }) =>
      ackedAt === null ? [] : [Date.parse(ackedAt) - (setAt ?? Date.parse(ackedAt))],
    )
    .map((delay) => Math.max(0, delay))
    .filter((delay) => delay <= withinSeconds * SECOND_MS)
    .toSorted((a, b) => a - b);
  const rank = (share: number) => delays[Math.min(delays.length - 1, Math.ceil(delays.length * share) - 1)] ?? null;
  return {
    ...{ phase: name, instances: items.length, reached: delays.length },
    ...{ p50Ms: rank(0.5), p99Ms: rank(0.99), slowestMs: delays.at(-1) ?? null },
  };
}
