/** The store fails under load: what was accepted is stored, per tenant and minute, in the spans and in the rollup. */
import { expect, it } from 'vitest';
import { isKilled, runFaultLoad, sevenOfTenFail, standsStill } from '../support/clickhouse-fault-load.ts';

const MB = 1024 ** 2;

it.each([sevenOfTenFail(4_000), standsStill(4_000), isKilled(3_000)])(
  'accepted is stored, once, per tenant and minute, when $name',
  async (disturbance) => {
    const outcome = await runFaultLoad(disturbance);
    expect(outcome.statuses.filter((status) => ![200, 429, 503].includes(status))).toEqual([]);
    expect(outcome.acceptedSpans).toBeGreaterThan(500);
    expect(outcome.failedInserts).toBeGreaterThan(0);
    expect(outcome.stored).toEqual(outcome.accepted);
    expect(outcome.rolledUp).toEqual(outcome.accepted);
    expect(outcome.quarantined).toBe(0);
    expect(outcome.grownBytes).toBeLessThan(300 * MB);
  },
  120_000,
);
