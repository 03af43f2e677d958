/** The price book, contracts, closed months and repricing on real stores. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PriceParts, startPrices } from '../../src/app/prices.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, HOUR_MS } from '../../src/domain/window.ts';
import { ChangeListener } from '../../src/store/postgres/change-listener.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';
import { aiUsageRows } from '../support/price-usage.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'ann', role: 'admin' };
const [ACME, GLOBEX, OTHER] = ['acme', 'globex', 'initech'] as [TenantId, TenantId, TenantId];
const now = new Date();
/** Two months that are over, whatever day it is. */
const LAST = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1);
const BEFORE = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 2);
const THIS = Date.UTC(now.getUTCFullYear(), now.getUTCMonth());
/** Pico a token of gpt-4o in and out, as the catalogue has them on any day of 2026. */
const [IN, OUT] = [2_500_000n, 10_000_000n];
const PICO = 1_000_000n;

let store: TestClickHouse;
let db: TestPostgres;
let changes: ChangeListener;
let prices: PriceParts;

beforeAll(async () => {
  [store, db] = await Promise.all([startTestClickHouse(), startTestPostgres()]);
  changes = new ChangeListener({ url: db.appUrl, log: silentLog });
  prices = await startPrices({ clickhouse: store.clickhouse, postgres: db.postgres, changes, log: silentLog });
  await store.clickhouse.insertRows({
    table: 'ai_usage_by_minute',
    token: 'usage',
    rows: aiUsageRows(
      [BEFORE, LAST].flatMap((month) =>
        [ACME, GLOBEX, OTHER].flatMap((tenant) => [
          { tenant, at: month + 3 * DAY_MS, model: 'gpt-4o', inputTokens: 1_000, outputTokens: 100 },
          { tenant, at: month + 20 * DAY_MS + 5 * HOUR_MS, model: 'gpt-4o', inputTokens: 3_000, outputTokens: 10 },
          { tenant, at: month + 21 * DAY_MS, model: 'own-model', inputTokens: 500, outputTokens: 5 },
        ]),
      ),
    ),
  });
});
afterAll(async () => {
  await changes?.stop();
  await db?.stop();
  await store?.stop();
});

const costOf = async (tenant: TenantId, from: number, to: number) =>
  (await prices.aiCosts.byTenant({ from, to })).get(tenant);
const perMonth = 4_000n * IN + 110n * OUT;
const price = (parts: object = {}) => ({
  ...{ provider: 'openai', model: 'gpt-4o', variant: 'standard' as const, kind: 'input' as const },
  ...{ rate: { base: 1n * PICO, steps: [] }, effectiveFrom: null, effectiveTo: null },
  ...parts,
});

describe('the book', () => {
  it('is seeded once, with the catalogue and nothing else', async () => {
    const versions = await prices.priceDesk.versions(ADMIN, 10);
    expect(versions.map(({ version, kind }) => ({ version, kind }))).toEqual([{ version: 1, kind: 'seed' }]);
    expect(await costOf(ACME, LAST, THIS)).toMatchObject({
      costPico: perMonth,
      unpricedCalls: 1,
      byModel: [{ model: 'gpt-4o' }, { model: 'own-model', costMicro: null, unpriced: 'unknown-model' }],
    });
  });

  it('lists what has no price', async () => {
    expect(await prices.priceDesk.unpriced({ from: BEFORE, to: THIS })).toEqual([
      { provider: 'openai', model: 'own-model', reason: 'unknown-model', calls: 6, tenants: 3 },
    ]);
  });

  it('prices each hour by what held then, tenant before contract before book before seed', async () => {
    const { priceDesk } = prices;
    const noon = LAST + 20 * DAY_MS + 5 * HOUR_MS;
    // From the very hour of the second call on.
    await priceDesk.add(ADMIN, { layer: 'book' }, { prices: [price({ effectiveFrom: noon })], reason: 'list' });
    expect((await costOf(GLOBEX, LAST, THIS))?.costPico).toBe(1_000n * IN + 3_000n * PICO + 110n * OUT);
    await priceDesk.putContract(
      ADMIN,
      { name: 'gold', discountBps: 1_000, effectiveFrom: null, effectiveTo: null },
      'negotiated',
    );
    await priceDesk.attach(
      ADMIN,
      { contract: 'gold', tenantId: ACME, effectiveFrom: LAST + 10 * DAY_MS, effectiveTo: null },
      'signed',
    );
    const discounted = 1_000n * IN + 100n * OUT + (3_000n * PICO * 9n) / 10n + (10n * OUT * 9n) / 10n;
    expect((await costOf(ACME, LAST, THIS))?.costPico).toBe(discounted);
    await priceDesk.add(
      ADMIN,
      { layer: 'contract', owner: 'gold' },
      { prices: [price({ kind: 'output', rate: { base: 7n * PICO, steps: [] } })], reason: 'gold' },
    );
    const agreed = 1_000n * IN + 100n * OUT + (3_000n * PICO * 9n) / 10n + 10n * 7n * PICO;
    expect((await costOf(ACME, LAST, THIS))?.costPico).toBe(agreed);
    await priceDesk.add(
      ADMIN,
      { layer: 'tenant', owner: ACME },
      { prices: [price({ rate: { base: 5n, steps: [] }, effectiveFrom: LAST + 20 * DAY_MS })], reason: 'promised' },
    );
    expect((await costOf(ACME, LAST, THIS))?.costPico).toBe(1_000n * IN + 100n * OUT + 3_000n * 5n + 70n * PICO);
    expect((await costOf(GLOBEX, LAST, THIS))?.costPico).toBe(1_000n * IN + 3_000n * PICO + 110n * OUT);
    expect((await prices.aiCosts.ofTenant({ from: LAST, to: THIS }, ACME))?.costPico).toBe(
      1_000n * IN + 100n * OUT + 3_000n * 5n + 70n * PICO,
    );
    // The month before is as it was.
    expect((await costOf(ACME, BEFORE, LAST))?.costPico).toBe(perMonth);
  });

  it('keeps every version, so that what was said in the past can be said again', async () => {
    const first = await prices.books.at(1);
    const rates = first.rates({
      provider: 'openai',
      model: 'gpt-4o',
      serviceTier: '',
      at: LAST + 25 * DAY_MS,
      tenant: ACME,
    });
    expect('rates' in rates && rates.rates.input?.base).toBe(IN);
  });

  it('refuses a tenant under two contracts at once', async () => {
    const { priceDesk } = prices;
    await priceDesk.putContract(
      ADMIN,
      { name: 'silver', discountBps: 500, effectiveFrom: null, effectiveTo: null },
      'negotiated',
    );
    const member = { contract: 'silver', tenantId: ACME, effectiveFrom: null, effectiveTo: null };
    await expect(priceDesk.attach(ADMIN, member, 'slip')).rejects.toMatchObject({ code: 'CONFLICT' });
    await priceDesk.attach(ADMIN, { ...member, effectiveTo: LAST + 10 * DAY_MS }, 'before gold');
    expect((await costOf(ACME, LAST, LAST + 10 * DAY_MS))?.costPico).toBe(((1_000n * IN + 100n * OUT) * 95n) / 100n);
    await priceDesk.detach(ADMIN, 'silver', ACME, 'slip');
  });

  it('is the same in another server’s memory, once told', async () => {
    const heard = new ChangeListener({ url: db.appUrl, log: silentLog });
    const other = await startPrices({
      clickhouse: store.clickhouse,
      postgres: db.postgres,
      changes: heard,
      log: silentLog,
    });
    heard.start();
    try {
      await prices.priceDesk.add(
        ADMIN,
        { layer: 'book' },
        { prices: [price({ model: 'told-model' })], reason: 'told' },
      );
      const { version } = prices.books.current();
      await expect.poll(() => other.books.current().version, { timeout: 10_000 }).toBe(version);
      await expect(
        other.priceDesk.add(ADMIN, { layer: 'book' }, { prices: [price({ model: 'told-2' })], reason: 'x' }),
      ).resolves.toMatchObject({ version: version + 1 });
      // The first one has not heard of that yet: its write is refused, and it catches up.
      await expect(
        prices.priceDesk.add(ADMIN, { layer: 'book' }, { prices: [price({ model: 'told-3' })], reason: 'x' }),
      ).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(prices.books.current().version).toBe(version + 1);
    } finally {
      await heard.stop();
    }
  });
});

describe('closed months', () => {
  let closedPico: bigint | undefined;

  it('are closed once, and not before they are over', async () => {
    const { monthDesk } = prices;
    closedPico = (await costOf(ACME, BEFORE, LAST))?.costPico;
    await expect(monthDesk.close(ADMIN, THIS)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    expect(await monthDesk.close(ADMIN, BEFORE)).toMatchObject({ month: BEFORE, closedBy: 'ann' });
    await expect(monthDesk.close(ADMIN, BEFORE)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await costOf(ACME, BEFORE, LAST))?.costPico).toBe(closedPico);
  });

  it('keep their figure when a price of the past changes, whole and in part; open months follow', async () => {
    const part = { from: BEFORE + DAY_MS, to: BEFORE + 5 * DAY_MS };
    const before = (await costOf(OTHER, part.from, part.to))?.costPico;
    const open = (await costOf(OTHER, LAST, THIS))?.costPico;
    await prices.priceDesk.add(
      ADMIN,
      { layer: 'book' },
      {
        prices: [
          price({ kind: 'output', rate: { base: 9n * PICO + 3n, steps: [] } }),
          price({ model: 'own-model', rate: { base: 123_457n, steps: [] } }),
          price({ model: 'own-model', kind: 'output', rate: { base: 1n, steps: [] } }),
        ],
        reason: 'found out',
      },
    );
    expect((await costOf(ACME, BEFORE, LAST))?.costPico).toBe(closedPico);
    expect((await costOf(ACME, BEFORE, LAST))?.unpricedCalls).toBe(1);
    expect((await costOf(OTHER, part.from, part.to))?.costPico).toBe(before);
    expect((await costOf(OTHER, LAST, THIS))?.costPico).toBe(
      (open ?? 0n) - 110n * OUT + 110n * (9n * PICO + 3n) + 500n * 123_457n + 5n,
    );
    // Across the edge: the closed figure and the open one.
    expect((await costOf(OTHER, BEFORE, THIS))?.costPico).toBe(
      perMonth + ((await costOf(OTHER, LAST, THIS))?.costPico ?? 0n),
    );
  });

  it('get correction lines that, with the closed figure, are the new truth exactly', async () => {
    const { monthDesk, books, aiCosts } = prices;
    const preview = await monthDesk.preview({ from: BEFORE, to: THIS });
    const ofAcme = preview.items.filter(({ tenantId, month }) => tenantId === ACME && month === BEFORE);
    expect(ofAcme.map(({ model, closed, unpricedCallsAfter }) => ({ model, closed, unpricedCallsAfter }))).toEqual([
      { model: 'gpt-4o', closed: true, unpricedCallsAfter: 0 },
      { model: 'own-model', closed: true, unpricedCallsAfter: 0 },
    ]);
    expect(preview.items.some(({ month, closed }) => month === LAST && !closed)).toBe(true);
    expect((await costOf(ACME, BEFORE, LAST))?.costPico).toBe(closedPico);
    const range = { from: BEFORE, to: THIS };
    await expect(
      monthDesk.apply(ADMIN, range, { expectedVersion: preview.version - 1, reason: 'old' }),
    ).rejects.toMatchObject({ code: 'CONFLICT' });
    const applied = await monthDesk.apply(ADMIN, range, { expectedVersion: preview.version, reason: 'found out' });
    expect(applied).toMatchObject({ bookVersion: books.current().version, by: 'ann', lines: 6 });
    const truth = 4_000n * IN + 110n * (9n * PICO + 3n) + 500n * 123_457n + 5n;
    for (const tenant of [GLOBEX, OTHER]) {
      const cost = (await aiCosts.byTenant({ from: BEFORE, to: LAST })).get(tenant);
      expect(cost).toMatchObject({ costPico: truth, unpricedCalls: 0, calls: 3 });
      expect((await aiCosts.ofTenant({ from: BEFORE, to: LAST }, tenant))?.costPico).toBe(truth);
      const [figure] = (await monthDesk.figures(ADMIN, BEFORE, tenant)) ?? [];
      const corrections = figure?.corrections.reduce((sum, { micro }) => sum + micro, 0) ?? 0;
      expect(BigInt((figure?.closedMicro ?? 0) + corrections)).toBe(cost?.costMicro);
      expect(BigInt(figure?.closedMicro ?? 0)).toBe((perMonth + 500_000n) / 1_000_000n);
    }
    // A second time there is nothing left to correct.
    expect((await monthDesk.preview({ from: BEFORE, to: LAST })).items).toEqual([]);
    expect(await monthDesk.repricings(ADMIN, 10)).toMatchObject([{ id: applied.id }]);
  });
});
