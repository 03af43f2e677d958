// Files that are wrong: each is told by line, and nothing of it counts.
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BillRefused } from '../../src/domain/bill-refused.ts';
import { FINANCE, startDesk, type TestDesk } from '../support/cost-desk.ts';
import { FOCUS_ROWS, focusCsv, focusRow } from '../support/cost-focus-sample.ts';

const NOVEMBER = { from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 11, 1) };
const GOOD = FOCUS_ROWS.slice(0, 3);

let world: TestDesk;
beforeAll(async () => {
  world = await startDesk();
});
afterAll(() => world.stop());
afterEach(() => world.clear());

/** The good rows with the second one changed. */
function spoiled(cells: Record<string, string>): string {
  return focusCsv(GOOD.map((row, index) => (index === 1 ? { ...row, ...cells } : row)));
}

async function nothingIsThere(): Promise<void> {
  expect(await world.desk.list(FINANCE, { limit: 10, offset: 0, ended: false })).toEqual([]);
  expect(await world.ledger.costs({ window: NOVEMBER })).toMatchObject({ billMicro: 0n, items: [] });
}

describe('a line that cannot be used', () => {
  it.each([
    ['thousands', { BilledCost: '1,234.56' }, /"1,234.56" is no plain decimal/],
    ['a decimal comma', { BilledCost: '12,5' }, /"12,5" is no plain decimal/],
    ['text for an amount', { BilledCost: 'free' }, /"free" is no plain decimal/],
    ['no amount', { BilledCost: '' }, /there is no amount/],
    ['an unknown currency', { BillingCurrency: 'XYZ' }, /currency "XYZ" is none/],
    ['a day that is none', { ChargePeriodStart: '2026-02-30T00:00:00Z' }, /"2026-02-30T00:00:00Z" is not one/],
    ['a date of two meanings', { ChargePeriodStart: '11/01/2026' }, /"11\/01\/2026" is not one/],
    ['an end before its beginning', { ChargePeriodEnd: '2026-10-01T00:00:00Z' }, /ends before it begins/],
    ['no end', { ChargePeriodEnd: '' }, /no time at which the charge ends/],
    ['an unknown category', { ChargeCategory: 'Fee' }, /category "Fee" is none of Usage/],
    ['broken tags', { Tags: '{"a":' }, /tags are neither/],
  ])('is told: %s', async (_what, cells, problem) => {
    const refusal = (await world.import(spoiled(cells)).catch((error: unknown) => error)) as BillRefused;
    expect(refusal).toMatchObject({ code: 'BILL_REFUSED', total: 1, problems: [{ line: 3 }] });
    expect(refusal.problems[0]?.problem).toMatch(problem);
    await nothingIsThere();
  });

  it('is told with all the others, not one at a time', async () => {
    const text = focusCsv(FOCUS_ROWS.map((row, index) => (index % 100 === 7 ? { ...row, BilledCost: 'x' } : row)));
    const bad = FOCUS_ROWS.map((_, index) => index).filter((index) => index % 100 === 7);
    const refusal = (await world.import(text).catch((error: unknown) => error)) as BillRefused;
    expect(refusal.problems.map(({ line }) => line)).toEqual(bad.map((index) => index + 2));
    await nothingIsThere();
  });

  it('is found behind line breaks inside quotes, by the number an editor shows', async () => {
    const rows = [
      { ...GOOD[0], ChargeDescription: 'one\ntwo\nthree' },
      { ...GOOD[1], BilledCost: 'x' },
    ] as typeof GOOD;
    await expect(world.import(focusCsv(rows))).rejects.toMatchObject({ problems: [{ line: 5 }] });
  });

  it('is one with broken quotes or too few cells', async () => {
    const [header = '', first = ''] = focusCsv(GOOD).split('\n');
    const text = `${header}\n${first}\n1,2,3\n${first.replace('INV-2026-11', 'INV"2026')}\n`;
    const refusal = (await world.import(text).catch((error: unknown) => error)) as BillRefused;
    expect(refusal.problems.map(({ line }) => line)).toEqual([3, 4]);
    expect(refusal.problems.map(({ problem }) => problem).join()).toMatch(/more or fewer cells.*quote/);
    await expect(world.import(`${header}\n${first}\n"never closed`)).rejects.toMatchObject({ code: 'BILL_REFUSED' });
    await nothingIsThere();
  });
});

describe('a row without end', () => {
  it('is told without being kept in memory', async () => {
    const text = `date,service,amount,currency\n"${'x'.repeat(3_000_000)}`;
    const refusal = (await world.import(text).catch((error: unknown) => error)) as BillRefused;
    expect(refusal.code).toBe('BILL_REFUSED');
    expect(refusal.problems[0]?.problem).toMatch(/longer than 1048576 characters/);
    await nothingIsThere();
  });
});

describe('lines that come twice', () => {
  it('are refused by their id, whatever else they say', async () => {
    const text = focusCsv([...GOOD, { ...GOOD[0], BilledCost: '99' } as (typeof GOOD)[number]]);
    const refusal = (await world.import(text).catch((error: unknown) => error)) as BillRefused;
    expect(refusal.problems).toEqual([{ line: 5, problem: 'it is line 2 again: both have the same line id' }]);
    await expect(world.import(text, { allowIdentical: true })).rejects.toMatchObject({ code: 'BILL_REFUSED' });
    await nothingIsThere();
  });

  it('are refused without ids when every cell is the same, unless that is wanted', async () => {
    const row = { ...focusRow(GOOD[0] ?? {}), x_LineId: '' };
    await expect(world.import(focusCsv([row, row]))).rejects.toMatchObject({
      problems: [{ line: 3, problem: 'it is line 2 again: every cell is the same' }],
    });
    const { bills } = await world.import(focusCsv([row, row]), { allowIdentical: true });
    expect(bills[0]).toMatchObject({ lines: 2, billMicro: 82_567_493n });
  });

  it('are two lines when their ids differ', async () => {
    const rows = [GOOD[0] ?? {}, { ...GOOD[0], x_LineId: 'another' } as (typeof GOOD)[number]];
    expect((await world.import(focusCsv(rows))).bills[0]?.lines).toBe(2);
  });
});

describe('a bill in several currencies', () => {
  const mixed = focusCsv(
    GOOD.map((row, index) => ({ ...row, BilledCost: '10', BillingCurrency: ['USD', 'EUR', 'EUR'][index] ?? '' })),
  );

  it('is refused with the lines of each', async () => {
    await expect(world.import(mixed)).rejects.toMatchObject({
      code: 'BILL_REFUSED',
      message: 'The bill mixes currencies: EUR (2 lines, the first is 3), USD (1 lines, the first is 2).',
    });
    await nothingIsThere();
  });

  it('becomes one bill for each when it is split, both or none', async () => {
    const { bills } = await world.import(mixed, { split: true });
    expect(bills.map(({ currency, billMicro }) => [currency, billMicro])).toEqual([
      ['USD', 10_000_000n],
      ['EUR', 20_000_000n],
    ]);
    const euros = await world.ledger.costs({ window: NOVEMBER, currency: 'EUR' });
    expect(euros).toMatchObject({ billMicro: 20_000_000n, residualMicro: 0n, otherCurrencies: ['USD'] });
    await expect(world.import(mixed, { split: true })).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('is one bill at rates that are kept with it, rounded once', async () => {
    const { bills } = await world.import(mixed, { rates: { EUR: '1.083333333333' } });
    expect(bills[0]).toMatchObject({ currency: 'USD', billMicro: 31_666_667n });
    const bill = await world.desk.find(FINANCE, bills[0]?.id ?? '');
    expect(bill?.rates).toEqual({ EUR: '1.083333333333' });
    expect((await world.ledger.costs({ window: NOVEMBER })).residualMicro).toBe(0n);
  });
});

describe('a bill that is there already', () => {
  it('is refused as a file, and as the same charges in another file', async () => {
    const { bills } = await world.import(focusCsv());
    const id = bills[0]?.id ?? '';
    await expect(world.import(focusCsv())).rejects.toMatchObject({
      code: 'CONFLICT',
      message: `This file was imported before, as bill ${id}.`,
    });
    await expect(world.import(focusCsv(GOOD))).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(`^Bill ${id} has charges of`),
    });
    // Without a number it could be any bill of that time, so also this one.
    await expect(world.import(focusCsv(GOOD.map((row) => ({ ...row, InvoiceId: '' }))))).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect((await world.ledger.costs({ window: NOVEMBER })).billMicro).toBe(bills[0]?.billMicro);
  });

  it('is replaced when that is said, and the old one can be looked up', async () => {
    const first = (await world.import(focusCsv())).bills[0];
    const second = (await world.import(focusCsv(GOOD), { replace: true })).bills[0];
    expect(second?.replaced).toEqual([first?.id]);
    expect((await world.ledger.costs({ window: NOVEMBER })).billMicro).toBe(second?.billMicro);
    expect((await world.desk.find(FINANCE, first?.id ?? ''))?.state).toBe('superseded');
  });

  it('is not replaced by a file that lacks some of its charges', async () => {
    const other = GOOD.map((row) => ({ ...row, InvoiceId: 'INV-2', x_LineId: `${row['x_LineId']}-2` }));
    await world.import(focusCsv([...GOOD, ...other]));
    await expect(world.import(focusCsv(GOOD), { replace: true })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(/also holds account 4711, invoice INV-2/),
    });
  });

  it('overlaps another by its period, and does not by another invoice', async () => {
    const simple = (day: string, id: string) =>
      `date,service,amount,currency,account,id\n2026-11-${day},api,5,USD,a,${id}\n`;
    await world.import(simple('03', '1'));
    await expect(world.import(simple('04', '2'))).rejects.toMatchObject({ code: 'CONFLICT' });
    await world
      .import(simple('04', '2'), { defaults: { issuer: '', account: '', invoice: 'second' } })
      .catch(() => undefined);
    // A bill without a number overlaps every other of its time; numbered ones do not overlap each other.
    await world.clear();
    await world.import(simple('03', '1'), { defaults: { issuer: '', account: '', invoice: 'first' } });
    await world.import(simple('04', '2'), { defaults: { issuer: '', account: '', invoice: 'second' } });
    expect((await world.ledger.costs({ window: NOVEMBER })).billMicro).toBe(10_000_000n);
  });

  it('is imported once by two people at the same moment', async () => {
    const attempts = await Promise.allSettled([
      world.import(focusCsv()),
      world.import(focusCsv()),
      world.import(focusCsv(GOOD)),
    ]);
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await world.desk.list(FINANCE, { limit: 10, offset: 0, ended: false })).toHaveLength(1);
  });
});

describe('a file that is no bill', () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ['nothing', '', /file is empty/],
    ['only a header', focusCsv(GOOD).split('\n')[0] ?? '', /a header and no line/],
    ['other columns', 'a,b\n1,2\n', /no bill that is known/],
    ['missing columns', 'BilledCost,ChargePeriodStart\n1,2026-11-01\n', /Columns are missing.*billingcurrency/],
    ['a ZIP archive', Buffer.from([0x50, 0x4b, 3, 4, 0, 0]), /packed in a way/],
    ['half a gzip', gzipSync(focusCsv()).subarray(0, 900), /cannot be unpacked/],
    ['half a Parquet', Buffer.concat([Buffer.from('PAR1'), randomBytes(200)]), /as Parquet/],
    ['bytes of a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0xfe, 0x0a, 0xff]), /not UTF-8|no bill/],
  ])('is refused: %s', async (_what, contents, message) => {
    await expect(world.import(contents)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringMatching(message),
    });
    await nothingIsThere();
  });
});
