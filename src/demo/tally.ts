import type { Outcome, RouteName } from './requests.ts';

/** Exact figures of one tenant, as its clients saw them. */
export interface TenantTally {
  readonly requests: Partial<Record<RouteName, number>>;
  readonly statuses: Readonly<Record<string, number>>;
  readonly modelCalls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly reasoningTokens: number;
}

export interface TallyCounts {
  readonly total: number;
  readonly tenants: Readonly<Record<string, TenantTally>>;
}

const EMPTY: TenantTally = {
  requests: {},
  statuses: {},
  modelCalls: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  reasoningTokens: 0,
};

function withOutcome(tally: TenantTally, { route, status, usage }: Outcome): TenantTally {
  return {
    requests: { ...tally.requests, [route]: (tally.requests[route] ?? 0) + 1 },
    statuses: { ...tally.statuses, [status]: (tally.statuses[status] ?? 0) + 1 },
    modelCalls: tally.modelCalls + usage.calls,
    inputTokens: tally.inputTokens + usage.input,
    outputTokens: tally.outputTokens + usage.output,
    cacheReadTokens: tally.cacheReadTokens + usage.cacheRead,
    reasoningTokens: tally.reasoningTokens + usage.reasoning,
  };
}

/** Adds up what clients saw: the figures that the dashboards must show. */
export class Tally {
  readonly #tenants = new Map<string, TenantTally>();
  #total = 0;

  add(outcome: Outcome): void {
    this.#total += 1;
    this.#tenants.set(outcome.tenant, withOutcome(this.#tenants.get(outcome.tenant) ?? EMPTY, outcome));
  }

  counts(): TallyCounts {
    return { total: this.#total, tenants: Object.fromEntries(this.#tenants) };
  }
}
