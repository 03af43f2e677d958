import { pino } from 'pino';
import { expect, it } from 'vitest';
import { LateTenants } from '../../../src/store/clickhouse/late-tenants.ts';

it('takes no segment before it knows which batches are being stored: one of them could get spans of it too late', () => {
  const late = new LateTenants({
    ...{ waitMs: 1_000, settleMs: 0, owner: 'owner', log: pino({ level: 'silent' }) },
    clickhouse: { command: async () => undefined, inspect: async () => [] },
  });
  const segment = { signal: 'traces', path: '/nowhere', token: '1790000000000-00112233445566ff' } as const;
  expect(() => late.batched(segment)).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));
});
