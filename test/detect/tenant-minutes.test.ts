import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RuleSetName } from '../../src/detect/rule-sets.ts';
import { type MinuteFinding, TenantMinutes } from '../../src/detect/tenant-minutes.ts';
import { poisson, seeded } from '../support/detect-random.ts';

const DAY = 1_440;
/** A Tuesday, 00:00 UTC. */
const TUESDAY = Date.UTC(2026, 10, 3) / 60_000;
const SURGE_AT = 7 * DAY + 10 * 60;

type Minute = Readonly<Record<string, number>>;

function play(
  minutes: readonly Minute[],
  rules: RuleSetName = 'tenantry',
  order: (entries: [string, number][]) => [string, number][] = (entries) => entries,
): MinuteFinding[] {
  const findings: MinuteFinding[] = [];
  const tenant = new TenantMinutes('acme', rules, (finding) => findings.push(finding));
  minutes.forEach((values, index) => {
    for (const [metric, value] of order(Object.entries(values))) {
      expect(tenant.put(TUESDAY + index, metric, value)).toBeUndefined();
    }
  });
  tenant.finish();
  return findings;
}

const random = seeded('tenant-minutes');
const usualRequests = Array.from({ length: SURGE_AT + 60 }, () => poisson(random, 400));
const surging = (factor: number, length: number) => (index: number) =>
  index >= SURGE_AT && index < SURGE_AT + length ? factor : 1;

describe('the sentence', () => {
  const minutes = usualRequests.map((requests, index) => ({ requests: Math.round(requests * surging(4, 20)(index)) }));

  it('names the hour, both figures and the minutes', () => {
    const [opened] = play(minutes);
    expect(opened?.change).toBe('opened');
    expect(opened?.reason).toMatch(
      /^acme sent [34]\.\dx its usual Tuesday-10:00 requests \(1,\d{3} against [34]\d\d a minute\) for 3 of 3 minutes$/,
    );
  });

  it.each([
    ['owner', /^acme sent [34]\.\dx its usual requests \(1,\d{3} against 4\d\d a minute\) for 3 of \d minutes$/],
    [
      'seasonal',
      /^acme sent [34]\.\dx its usual Tuesday-10:00 requests \(1,\d{3} against [34]\d\d a minute\) for 3 of 3 minutes$/,
    ],
  ] as const)('of the rule set %s too', (rules, sentence) => {
    const opened = play(minutes, rules).filter(({ departure }) => departure.startedAt === TUESDAY + SURGE_AT);
    expect(opened[0]?.reason).toMatch(sentence);
  });

  it('of latency, errors and gauges speaks of what they are', () => {
    const grown = usualRequests.map((requests, index) => ({
      requests,
      p95_ms: 100 * surging(3, 30)(index) * (1 + 0.02 * Math.sin(index)),
      error_rate: index >= SURGE_AT && index < SURGE_AT + 30 ? 0.2 : 0.004,
    }));
    const reasons = play(grown).flatMap(({ change, reason }) => (change === 'opened' ? [reason] : []));
    expect(reasons).toHaveLength(2);
    expect(reasons[0]).toMatch(
      /^acme saw 3\.\dx its usual p95 ms \((29|30)\d against (\d\d\.\d|100\.\d|10\d)\) for \d of \d minutes$/,
    );
    expect(reasons[1]).toMatch(
      /^acme had \d+(\.\d)?x its usual error rate \(0\.2 against 0\.00[45]\) for 3 of 3 minutes$/,
    );
  });
});

describe('a minute', () => {
  const minutes = usualRequests.map((requests, index) => ({
    requests,
    p95_ms: 80 * surging(2.5, 40)(index) * (1 + 0.03 * Math.cos(index)),
    ai_tokens: requests * 700 * surging(4, 40)(index),
  }));
  const whole = play(minutes);

  it('is judged the same in whatever order its rows come', () => {
    expect(whole.length).toBeGreaterThan(2);
    const told = (findings: MinuteFinding[]) =>
      findings
        .map(({ metric, change, departure }) => ({ metric, change, departure }))
        .toSorted((a, b) => a.metric.localeCompare(b.metric));
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (numbers) => {
        const shuffled = (entries: [string, number][]) =>
          entries
            .map((entry) => ({ entry, key: numbers.next().value }))
            .toSorted((a, b) => a.key - b.key)
            .map(({ entry }) => entry);
        expect(told(play(minutes, 'tenantry', shuffled))).toEqual(told(whole));
      }),
      { numRuns: 3 },
    );
  });

  it('with dearer calls at an unchanged count shows tokens per request', () => {
    expect(whole.map(({ metric }) => metric)).toContain('ai_tokens_per_request');
    expect(whole.map(({ metric }) => metric)).not.toContain('requests');
  });

  it('that is late or comes twice is refused and changes nothing', () => {
    const tenant = new TenantMinutes('acme', 'tenantry', () => undefined);
    expect(tenant.put(TUESDAY + 1, 'requests', 5)).toBeUndefined();
    expect(tenant.put(TUESDAY + 1, 'requests', 9)).toBe('twice');
    expect(tenant.put(TUESDAY, 'requests', 5)).toBe('late');
    expect(tenant.put(TUESDAY + 2, 'requests', 5)).toBeUndefined();
  });
});

it('ends what is open when the data end', () => {
  const cut = usualRequests
    .slice(0, SURGE_AT + 10)
    .map((requests, index) => ({ requests: requests * surging(5, 60)(index) }));
  const findings = play(cut);
  expect(findings.map(({ change }) => change)).toEqual(['opened', 'ended']);
  expect(findings[1]?.departure.endedAt).toBe(TUESDAY + SURGE_AT + 10);
});

describe('a metric whose name says nothing', () => {
  const opened = (step: number) => {
    const findings: MinuteFinding[] = [];
    const tenant = new TenantMinutes('acme', 'tenantry', (finding) => findings.push(finding));
    const jitter = seeded('unnamed');
    for (let index = 0; index < 4_000; index += 1) {
      // It falls to a tenth for a while: nothing for a count, much for a measurement.
      const level = index >= 3_000 && index < 3_060 ? 2 : 20;
      tenant.put(TUESDAY + index * step, 'widgets', level + jitter());
    }
    tenant.finish();
    return findings.filter(
      ({ change, departure }) => change === 'opened' && departure.startedAt >= TUESDAY + 3_000 * step,
    );
  };

  it('is a count when it comes every minute, and a measurement when it comes more rarely', () => {
    expect(opened(1)).toEqual([]);
    const [found] = opened(5);
    expect(found?.departure.startedAt).toBeLessThan(TUESDAY + 3_010 * 5);
    expect(found?.reason).toMatch(/^acme had 0\.\dx its usual widgets/);
  });
});
