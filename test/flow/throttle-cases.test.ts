// The cases decide for the middleware; test/flow/throttle-cases.json says in `about` how they are read.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { WireFlag } from '../../src/domain/flag-wire.ts';
import { readSnapshot } from '../../src/middleware/flag-shape.ts';
import { FlagStore } from '../../src/middleware/flag-store.ts';
import { checkThrottle } from '../../src/middleware/throttle.ts';

interface Request {
  readonly at_ms: number;
  readonly tenant_id: string;
  readonly service: string;
  readonly route: string;
  readonly count: number;
  readonly allowed: number;
  readonly refused_by?: 'enforce' | 'shadow';
  readonly retry_after_s?: number;
}

interface ThrottleCases {
  readonly defaults: { readonly flag: WireFlag; readonly request: Partial<Request> };
  readonly cases: readonly {
    readonly name: string;
    readonly flag: Partial<WireFlag>;
    readonly requests: readonly Partial<Request>[];
  }[];
}

const { defaults, cases } = JSON.parse(
  readFileSync(new URL('throttle-cases.json', import.meta.url), 'utf8'),
) as ThrottleCases;

/** A clock that does not start at 0, as a process's monotonic clock does not. */
const RECEIVED_AT = 123_456;

function outcome(store: FlagStore, request: Request) {
  const { at_ms, tenant_id: tenantId, service, route, count } = request;
  const decisions = Array.from({ length: count }, () =>
    checkThrottle(store, { tenantId, service, route }, RECEIVED_AT + at_ms),
  );
  const refusals = decisions.filter(({ flagId }) => flagId !== undefined);
  const last = refusals.at(-1);
  return {
    allowed: decisions.filter(({ allowed }) => allowed).length,
    firstOnes: decisions.findIndex(({ allowed }) => !allowed),
    refusedBy: last?.mode,
    retryAfter: last === undefined || last.mode === 'shadow' ? undefined : last.retryAfterSeconds,
  };
}

describe('throttle cases', () => {
  it('are there', () => {
    expect(cases.length).toBeGreaterThan(10);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  it.each(cases)('$name', ({ flag, requests }) => {
    const store = new FlagStore();
    const snapshot = readSnapshot(JSON.stringify({ revision: 1, flags: [{ ...defaults.flag, ...flag }] }));
    if (snapshot === undefined) throw new Error('the case is no snapshot');
    expect(snapshot.malformed).toBe(0);
    store.applySnapshot(snapshot, RECEIVED_AT);
    for (const parts of requests) {
      const request = { ...defaults.request, ...parts } as Request;
      expect(outcome(store, request), `at ${request.at_ms} ms`).toEqual({
        allowed: request.allowed,
        firstOnes: request.allowed === request.count ? -1 : request.allowed,
        refusedBy: request.refused_by,
        retryAfter: request.retry_after_s,
      });
    }
  });
});
