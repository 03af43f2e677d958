import { describe, expect, it } from 'vitest';
import type { PoolUse } from '../../../src/detect/blame/pool-baseline.ts';
import { PoolBlame, type Verdict } from '../../../src/detect/blame/pool-blame.ts';

const USUAL_MINUTES = 60;
const TENANTS = ['acme', 'birch', 'cedar', 'delta', 'elm'];

const usual: PoolUse = { requests: 100, cpuMs: 1_000, dbMs: 500, p95Ms: 80 };
const slow: PoolUse = { ...usual, p95Ms: 240 };

type Minute = Partial<Record<string, PoolUse | undefined>>;

/** Usual minutes for everybody, then `minutes`; tenants that a minute does not name go on as usual. */
function verdictsOf(...minutes: readonly Minute[]): Verdict[] {
  const blame = new PoolBlame();
  const verdicts: Verdict[] = [];
  for (let at = 0; at < USUAL_MINUTES; at += 1) {
    const verdict = blame.minute(at, new Map(TENANTS.map((tenant) => [tenant, usual])));
    if (verdict !== undefined) verdicts.push(verdict);
  }
  for (const [index, minute] of minutes.entries()) {
    const uses = new Map<string, PoolUse>();
    for (const tenant of TENANTS) {
      const use = tenant in minute ? minute[tenant] : usual;
      if (use !== undefined) uses.set(tenant, use);
    }
    const verdict = blame.minute(USUAL_MINUTES + index, uses);
    if (verdict !== undefined) verdicts.push(verdict);
  }
  return verdicts;
}

const everybody = (use: PoolUse): Minute => Object.fromEntries(TENANTS.map((tenant) => [tenant, use]));
const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);

describe('who is hurt', () => {
  it('is nobody while latency is as usual, whoever uses more', () => {
    expect(verdictsOf(...times(5, { acme: { ...usual, requests: 900, cpuMs: 9_000 } }))).toEqual([]);
  });

  it('is said in the second minute of trouble, not after one slow minute', () => {
    expect(verdictsOf(everybody(slow), {}, {}, {})).toEqual([]);
    expect(verdictsOf(...times(3, everybody(slow))).map(({ at }) => at)).toEqual([61, 62]);
  });

  it('takes no P95 of a handful of requests for a sign', () => {
    expect(verdictsOf(...times(4, everybody({ ...slow, requests: 9 })))).toEqual([]);
  });

  it('needs a history to compare with', () => {
    const blame = new PoolBlame();
    const minute = (use: PoolUse) => new Map(TENANTS.map((tenant) => [tenant, use]));
    for (let at = 0; at < 7; at += 1) blame.minute(at, minute(usual));
    expect([7, 8, 9].map((at) => blame.minute(at, minute(slow)))).toEqual([undefined, undefined, undefined]);
  });

  it('is judged by the time before the incident, however long it lasts', () => {
    const long = verdictsOf(...times(120, everybody(slow)));
    expect(long).toHaveLength(119);
    expect(long.at(-1)?.victims[0]).toMatchObject({ p95Ms: 240, usualP95Ms: 80 });
  });
});

describe('who did it', () => {
  const flood = { ...slow, requests: 600, cpuMs: 6_000 };

  it('is the tenant with the excess, named with its numbers; its own slowness makes it no victim', () => {
    const verdict = verdictsOf(...times(5, { ...everybody(slow), acme: flood })).at(-1);
    expect(verdict).toMatchObject({ kind: 'culprit', at: 64 });
    expect(verdict?.suspects[0]).toMatchObject({ tenantId: 'acme', meter: 'cpu', now: 6_000, usual: 1_000 });
    expect(verdict?.victims.map(({ tenantId }) => tenantId)).toEqual(['birch', 'cedar', 'delta', 'elm']);
  });

  it('is found by what requests cost where their number is as usual', () => {
    const verdicts = verdictsOf(...times(3, { ...everybody(slow), acme: { ...slow, cpuMs: 6_000 } }));
    expect(verdicts.at(-1)).toMatchObject({
      kind: 'culprit',
      suspects: [{ tenantId: 'acme', requestsPerMinute: 100 }],
    });
  });

  it('is found in the database where CPU shows nothing', () => {
    const verdicts = verdictsOf(...times(3, { ...everybody(slow), acme: { ...slow, dbMs: 9_000 } }));
    expect(verdicts.at(-1)).toMatchObject({ kind: 'culprit', suspects: [{ tenantId: 'acme', meter: 'db' }] });
  });

  it('is a newcomer too', () => {
    const blame = new PoolBlame();
    const all = (use: PoolUse) => new Map(TENANTS.map((tenant) => [tenant, use]));
    for (let at = 0; at < USUAL_MINUTES; at += 1) blame.minute(at, all(usual));
    const verdicts = [60, 61, 62].map((at) => blame.minute(at, all(slow).set('newcomer', flood)));
    expect(verdicts.at(-1)).toMatchObject({ kind: 'culprit', suspects: [{ tenantId: 'newcomer', usual: 0 }] });
  });

  it('is nobody in particular when all requests became dearer, even if one tenant sends twice as many', () => {
    const dear = { ...slow, cpuMs: 1_500 };
    const busy = { ...slow, requests: 200, cpuMs: 3_000 };
    const verdicts = verdictsOf(...times(5, { ...everybody(dear), acme: busy }));
    expect(verdicts.at(-1)).toMatchObject({ kind: 'global_slowdown', othersCostRatio: 1.5 });
  });

  it('is nobody in particular when it is slow without more work', () => {
    expect(verdictsOf(...times(3, everybody(slow))).at(-1)).toMatchObject({ kind: 'global_slowdown', suspects: [] });
  });

  it('is nobody in particular when a dependency is slow and a small tenant happens to be busy', () => {
    const waiting = { ...slow, dbMs: 1_500 };
    const verdicts = verdictsOf(
      ...times(3, { ...everybody(waiting), elm: { ...waiting, requests: 112, cpuMs: 1_120 } }),
    );
    expect(verdicts.at(-1)?.kind).toBe('global_slowdown');
  });

  it('stays open when several tenants share the excess', () => {
    const more = { ...slow, requests: 200, cpuMs: 2_000 };
    const verdicts = verdictsOf(...times(3, { ...everybody(slow), acme: more, birch: more, cedar: more }));
    expect(verdicts.at(-1)?.kind).toBe('unclear');
    expect(verdicts.at(-1)?.suspects.map(({ excessShare }) => excessShare.toFixed(2))).toEqual([
      '0.33',
      '0.33',
      '0.33',
    ]);
  });

  it('is forgotten with a tenant that has long done nothing, and never divides by its nothing', () => {
    const gone: Minute = { elm: undefined };
    const verdicts = verdictsOf(...times(300, gone), ...times(3, { ...everybody(slow), elm: undefined, acme: flood }));
    expect(verdicts.at(-1)).toMatchObject({ kind: 'culprit', suspects: [{ tenantId: 'acme', excessShare: 1 }] });
  });
});

describe('a verdict', () => {
  it('does not depend on the order in which tenants are named', () => {
    const minutes = times(3, { ...everybody(slow), acme: { ...slow, cpuMs: 3_000 }, cedar: { ...slow, cpuMs: 3_000 } });
    const forward = verdictsOf(...minutes);
    TENANTS.reverse();
    try {
      expect(verdictsOf(...minutes)).toEqual(forward);
    } finally {
      TENANTS.reverse();
    }
    expect(forward.at(-1)?.suspects.map(({ tenantId }) => tenantId)).toEqual(['acme', 'cedar']);
  });
});
