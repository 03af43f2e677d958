import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { PriceMonthStore } from '../../../src/store/postgres/price-month-store.ts';
import { type AddedPrice, type BookChange, PriceStore } from '../../../src/store/postgres/price-store.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';
import { priceEntry } from '../../support/price-books.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ann', role: 'admin' };
const [ACME, GLOBEX] = ['acme', 'globex'] as [TenantId, TenantId];
const MAY = Date.UTC(2026, 4);
let db: TestPostgres;
let store: PriceStore;
let months: PriceMonthStore;

beforeAll(async () => {
  db = await startTestPostgres();
  store = new PriceStore(db.postgres);
  months = new PriceMonthStore(db.postgres);
});
afterAll(async () => db.stop());

function price(parts: object = {}): AddedPrice {
  const { id: _id, version: _version, ...added } = priceEntry(parts);
  return added;
}

async function change(parts: Partial<BookChange>): Promise<number> {
  const expectedVersion = await store.newest(ADMIN);
  return store.change(ADMIN, { kind: 'edit', reason: 'test', ended: [], added: [], expectedVersion, ...parts });
}

describe('the price book as it is kept', () => {
  it('reads back to the last digit what was written, in every layer', async () => {
    const rate = { base: 123_456_789_012_345_678n, steps: [{ over: 200_000, pico: 987_654_321_098_765_432n }] };
    const added = [
      price({ rate, effectiveFrom: MAY, effectiveTo: Date.UTC(2026, 5), daily: { from: 30, to: 990 } }),
      price({ layer: 'seed', source: 'genai-prices', sourceRef: '0.1.8' }),
      price({ layer: 'contract', owner: 'gold', variant: 'batch' }),
      price({ layer: 'tenant', owner: ACME, kind: 'search_unit' }),
    ];
    const version = await change({ added });
    const { entries, version: read } = await store.read(ADMIN);
    expect(read).toBe(version);
    const byLayer = (one: { layer: string }) => one.layer;
    const written = entries
      .map(({ id: _id, ...entry }) => entry)
      .toSorted((a, b) => (byLayer(a) < byLayer(b) ? -1 : 1));
    const expected = added.map((one) => ({ ...one, version })).toSorted((a, b) => (byLayer(a) < byLayer(b) ? -1 : 1));
    expect(written).toEqual(expected);
  });

  it('keeps what past versions said', async () => {
    const before = await store.newest(ADMIN);
    const first = await change({ added: [price({ model: 'm' })] });
    const [entry] = (await store.read(ADMIN)).entries.filter(({ model }) => model === 'm');
    await change({ ended: [entry?.id ?? ''], added: [price({ model: 'm', rate: { base: 7n, steps: [] } })] });
    const baseAt = async (version?: number) =>
      (await store.read(ADMIN, version)).entries.filter(({ model }) => model === 'm').map(({ rate }) => rate.base);
    expect([await baseAt(before), await baseAt(first), await baseAt()]).toEqual([[], [1_000_000n], [7n]]);
  });

  it('refuses two prices for one thing at one time, and then writes nothing at all', async () => {
    const version = await store.newest(ADMIN);
    const one = price({ model: 'twice', effectiveTo: MAY });
    await expect(
      change({ added: [price({ model: 'other' }), one, price({ model: 'twice', effectiveFrom: MAY - 3_600_000 })] }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await store.newest(ADMIN)).toBe(version);
    expect((await store.read(ADMIN)).entries.some(({ model }) => model === 'other')).toBe(false);
    // At the very edge they do not overlap.
    await change({ added: [one, price({ model: 'twice', effectiveFrom: MAY })] });
  });

  it('lets one of two writers through who start from the same version', async () => {
    const expectedVersion = await store.newest(ADMIN);
    const attempts = await Promise.allSettled(
      ['a', 'b', 'c'].map((model) => change({ added: [price({ model: `race-${model}` })], expectedVersion })),
    );
    expect(attempts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
    for (const one of attempts) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'CONFLICT' });
  });

  it('cannot be rewritten by hand', async () => {
    const owner = new pg.Client({ connectionString: db.ownerUrl });
    await owner.connect();
    try {
      for (const sql of [
        'update tenantry.prices set base_pico = 1',
        'update tenantry.prices set ended_in = ended_in where ended_in is not null',
        'update tenantry.prices set ended_in = added_in, base_pico = 1 where ended_in is null',
        "update tenantry.price_overrides set model = 'x'",
      ]) {
        await expect(owner.query(sql), sql).rejects.toMatchObject({ code: '23000' });
      }
    } finally {
      await owner.end();
    }
  });

  it('is audited with who, why and what', async () => {
    await change({
      added: [price({ layer: 'tenant', owner: GLOBEX, model: 'audited' })],
      reason: 'promised',
      tenantId: GLOBEX,
    });
    const [record] = await new AuditLog(db.postgres).list(ADMIN, { tenantId: GLOBEX, limit: 1 });
    expect(record).toMatchObject({
      ...{ subject: 'ann', action: 'prices.edit', tenantId: GLOBEX },
      after: { reason: 'promised', added: [{ model: 'audited', base_pico: '1000000', owner: GLOBEX }] },
    });
  });
});

describe('closed months', () => {
  const line = (tenantId: TenantId, costPico: bigint) => ({
    ...{ tenantId, provider: 'openai', model: 'gpt-4o', calls: 2, unpricedCalls: 0, costPico },
  });

  it('are seen by a tenant as its own only', async () => {
    await months.close(ADMIN, { month: MAY, bookVersion: 1, lines: [line(ACME, 10n ** 30n + 1n), line(GLOBEX, 5n)] });
    expect(await months.standingOf(ACME, [MAY])).toEqual([line(ACME, 10n ** 30n + 1n)]);
    const seen = await db.postgres.inTenantTransaction(ACME, (transaction) =>
      transaction.query<{ tenant_id: string }>('select distinct tenant_id from tenantry.ai_month_lines'),
    );
    expect(seen).toEqual([{ tenant_id: ACME }]);
    expect(await months.closed()).toMatchObject([{ month: MAY, closedBy: 'ann', bookVersion: 1 }]);
  });

  it('take corrections from one writer at a time, and stand on their version then', async () => {
    const repricing = {
      ...{ from: MAY, to: Date.UTC(2026, 5), bookVersion: 3, reason: 'test', differenceMicro: -1n },
      months: [{ month: MAY, bookVersion: 1 }],
      corrections: [{ ...line(GLOBEX, -2n), month: MAY, calls: 0 }],
    };
    const attempts = await Promise.allSettled([months.reprice(ADMIN, repricing), months.reprice(ADMIN, repricing)]);
    expect(attempts.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect((await months.closed())[0]?.bookVersion).toBe(3);
    expect(await months.standing([MAY], [GLOBEX])).toEqual([line(GLOBEX, 3n)]);
    expect(
      (await months.lines(ADMIN, MAY, GLOBEX)).map(({ costPico, repricing: by }) => [costPico, by !== null]),
    ).toEqual([
      [5n, false],
      [-2n, true],
    ]);
  });
});
