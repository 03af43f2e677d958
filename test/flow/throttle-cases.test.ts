// The cases decide for the middleware; test/flow/throttle-cases.json says in `about` how they are read, and
// test/api/throttle-cases.test.ts asks the server the same.
import { describe, expect, it } from 'vitest';
import { readSnapshot } from '../../src/middleware/flag-shape.ts';
import { FlagStore } from '../../src/middleware/flag-store.ts';
import { checkThrottle, inScope, type ThrottleQuestion } from '../../src/middleware/throttle.ts';
import { rateLimitFields } from '../../src/middleware/throttle-fields.ts';
import { type CaseRequest, throttleCases } from '../support/flow-throttle-cases.ts';

/** A clock that does not start at 0, as a process's monotonic clock does not. */
const RECEIVED_AT = 123_456;

/** One app instance: what it holds, and its requests under way. */
class Instance {
  readonly store = new FlagStore();
  #underWay: { readonly untilMs: number; readonly release: () => void }[] = [];

  constructor(flags: readonly object[], instances: number) {
    const snapshot = readSnapshot(JSON.stringify({ revision: 1, flags, instances }));
    if (snapshot === undefined) throw new Error('the case is no snapshot');
    expect(snapshot.malformed).toBe(0);
    this.store.applySnapshot(snapshot, RECEIVED_AT);
    this.store.fleet.tell(snapshot.instances ?? 0, RECEIVED_AT);
  }

  outcome(request: CaseRequest) {
    this.#endUntil(request.at_ms);
    const decisions = Array.from({ length: request.count }, () => this.#ask(request));
    const last = decisions.findLast(({ flagId }) => flagId !== undefined);
    const { quota, allowed = true, retryAfterSeconds } = decisions.at(-1) ?? {};
    return {
      allowed: decisions.filter((decision) => decision.allowed).length,
      firstOnes: decisions.findIndex((decision) => !decision.allowed),
      refusedBy: last?.mode,
      retryAfter: last === undefined || last.mode === 'shadow' ? undefined : last.retryAfterSeconds,
      fields: quota === undefined ? {} : rateLimitFields(quota, allowed ? undefined : retryAfterSeconds),
    };
  }

  inForce(request: CaseRequest): string[] {
    return this.store
      .throttles(request.tenant_id, RECEIVED_AT + request.at_ms)
      .filter(({ flag }) => inScope(flag.scope, questionOf(request)))
      .map(({ flag }) => flag.id);
  }

  #ask(request: CaseRequest) {
    const decision = checkThrottle(this.store, questionOf(request), RECEIVED_AT + request.at_ms);
    const { release } = decision;
    if (release !== undefined) this.#underWay.push({ untilMs: request.until_ms ?? request.at_ms, release });
    if (request.until_ms === undefined) release?.();
    return decision;
  }

  #endUntil(atMs: number): void {
    for (const { untilMs, release } of this.#underWay) if (untilMs <= atMs) release();
    this.#underWay = this.#underWay.filter(({ untilMs }) => untilMs > atMs);
  }
}

function questionOf(request: CaseRequest): ThrottleQuestion {
  const { tenant_id: tenantId, service, method, route, cost_class: costClass, weight, priority } = request;
  return { tenantId, service, method, route, costClass, weight, priority, holdsSlot: true };
}

const cases = throttleCases();

describe('throttle cases', () => {
  it('are there', () => {
    expect(cases.length).toBeGreaterThan(25);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });

  it.each(cases)('$name', ({ flags, instances, requests }) => {
    const instance = new Instance(flags, instances);
    for (const request of requests) {
      const at = `at ${request.at_ms} ms`;
      expect(instance.inForce(request), at).toEqual(request.in_force);
      const { fields, ...outcome } = instance.outcome(request);
      expect(outcome, at).toEqual({
        allowed: request.allowed,
        firstOnes: request.allowed === request.count ? -1 : request.allowed,
        refusedBy: request.refused_by,
        retryAfter: request.retry_after_s,
      });
      if (request.fields !== undefined) expect(fields, at).toEqual(request.fields);
    }
  });
});
