import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { type BillReadOptions, isProblem, readCsvBill, readParquetBill } from '../../src/cost/bill-reader.ts';
import type { BillLine, BillProblem } from '../../src/domain/bill.ts';
import { formatAtto } from '../../src/domain/cost-amount.ts';
import { focusRow } from '../support/cost-focus-sample.ts';

const OPTIONS: BillReadOptions = {
  measure: 'billed',
  encoding: 'auto',
  defaults: { issuer: 'Issuer', account: 'main', invoice: '' },
};

async function* bytesOf(text: string | Uint8Array, size = 7) {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(pieces: AsyncIterable<readonly (BillLine | BillProblem)[]>): Promise<(BillLine | BillProblem)[]> {
  const items: (BillLine | BillProblem)[] = [];
  for await (const piece of pieces) items.push(...piece);
  return items;
}

async function read(text: string, options: Partial<BillReadOptions> = {}) {
  const contents = await readCsvBill(bytesOf(text), { ...OPTIONS, ...options });
  const items = await all(contents.lines);
  return { ...contents, items, lines: items.filter((item): item is BillLine => !isProblem(item)) };
}

const csv = (...rows: readonly Record<string, string>[]) => {
  const columns = Object.keys(rows[0] ?? {});
  const cell = (value: string) => `"${value.replaceAll('"', '""')}"`;
  return [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))]
    .map((cells) => cells.map(cell).join(','))
    .join('\n');
};

/** A FOCUS row without the columns that a version does not have, and with those that it brought. */
function versioned(without: readonly string[], more: Record<string, string>): Record<string, string> {
  const row = focusRow({
    ...{ BilledCost: '1.5', ServiceName: 'S', ServiceCategory: 'Compute', Tags: '{"team":"x"}' },
    ...{ ChargePeriodStart: '2026-11-01T00:00:00Z', ChargePeriodEnd: '2026-11-02T00:00:00Z' },
  });
  return { ...Object.fromEntries(Object.entries(row).filter(([name]) => !without.includes(name))), ...more };
}

const SINCE_1_2 = ['InvoiceId', 'BillingAccountType'];

describe('FOCUS', () => {
  it.each([
    ['1.0', versioned(SINCE_1_2, {})],
    ['1.1', versioned(SINCE_1_2, { ServiceSubcategory: 'Virtual Machines' })],
    ['1.2', versioned([], {})],
    ['1.3', versioned([], { ServiceProviderName: 'Newer Name', HostProviderName: 'Host' })],
    ['1.4', versioned(['ProviderName', 'PublisherName'], { ServiceProviderName: 'Newer Name' })],
  ])('%s is told by its columns, and its provider is found', async (version, row) => {
    const { focusVersion, format, lines } = await read(csv(row));
    expect([format, focusVersion]).toEqual(['focus', version]);
    expect(lines).toMatchObject([
      {
        provider: version < '1.3' ? 'Example Cloud' : 'Newer Name',
        account: '4711',
        service: 'S',
        tags: { team: 'x' },
        line: 2,
      },
    ]);
  });

  it('of Azure, AWS and Google differs in names, times, nulls and tags', async () => {
    const azure = versioned([], { x_SkuMeterName: 'm', ChargePeriodStart: '2026-11-01T00:00Z' });
    const lowered = Object.fromEntries(Object.entries(azure).map(([name, value]) => [name.toLowerCase(), value]));
    const google = versioned([], {
      ...{ ChargePeriodStart: '2026-11-01 00:00:00 UTC', ChargePeriodEnd: '2026-11-02 00:00:00.000000 UTC' },
      ...{ Tags: '[{"key":"team","value":"x"}]', SubAccountId: 'null', InvoiceId: 'NULL' },
    });
    const aws = versioned([], { x_Discounts: '{"edp": -0.1}', Tags: '{"team":"x","flag":null}' });
    for (const row of [lowered, google, aws]) {
      const { lines } = await read(csv(row));
      expect(lines).toMatchObject([
        { from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 10, 2), subAccount: '', tags: { team: 'x' } },
      ]);
    }
  });
});

describe('an AWS cost and usage report', () => {
  const legacy = {
    'identity/LineItemId': 'abc',
    'identity/TimeInterval': '2026-11-01T00:00:00Z/2026-11-01T01:00:00Z',
    'bill/PayerAccountId': '111',
    'bill/BillingPeriodStartDate': '2026-11-01T00:00:00Z',
    'bill/BillingPeriodEndDate': '2026-12-01T00:00:00Z',
    'bill/InvoiceId': '',
    'lineItem/UsageAccountId': '222',
    'lineItem/LineItemType': 'Usage',
    'lineItem/UsageStartDate': '2026-11-01T00:00:00Z',
    'lineItem/UsageEndDate': '2026-11-01T01:00:00Z',
    'lineItem/ProductCode': 'AmazonRDS',
    'lineItem/UsageType': 'EUC1-InstanceUsage:db.r6g.large',
    'lineItem/UnblendedCost': '0.2870000000',
    'lineItem/CurrencyCode': 'USD',
    'product/ProductName': 'Amazon Relational Database Service',
    'resourceTags/user:tenant': 'acme',
  };

  it('is read in its older and its newer form alike', async () => {
    const newer = Object.fromEntries(
      Object.entries(legacy).flatMap(([name, value]) =>
        name.startsWith('resourceTags')
          ? []
          : [
              [
                name
                  .replace('/', '_')
                  .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
                  .toLowerCase(),
                value,
              ],
            ],
      ),
    );
    const [a] = (await read(csv(legacy))).lines;
    const [b] = (await read(csv({ ...newer, resource_tags: '{"user_tenant":"acme"}' }))).lines;
    expect(b).toEqual({ ...a, key: b?.key });
    expect(a).toMatchObject({
      ...{ provider: 'AWS', account: '111', subAccount: '222', category: 'Databases', tags: { tenant: 'acme' } },
      ...{ service: 'Amazon Relational Database Service', chargeCategory: 'Usage', atto: 287_000_000_000_000_000n },
    });
  });

  it('tells lines apart by id and hour, and knows its types', async () => {
    const types = ['Usage', 'Tax', 'Credit', 'Fee', 'Refund', 'SavingsPlanNegation'];
    const { lines } = await read(csv(...types.map((type) => ({ ...legacy, 'lineItem/LineItemType': type }))));
    expect(lines.map(({ chargeCategory }) => chargeCategory)).toEqual([
      'Usage',
      'Tax',
      'Credit',
      'Purchase',
      'Adjustment',
      'Usage',
    ]);
    expect(lines.map(({ correction }) => correction)).toEqual([false, false, false, false, true, false]);
    const hours = await read(
      csv(legacy, { ...legacy, 'identity/TimeInterval': '2026-11-01T01:00:00Z/2026-11-01T02:00:00Z' }),
    );
    expect(new Set(hours.lines.map(({ key }) => key)).size).toBe(2);
    await expect(read(csv(legacy), { measure: 'effective' })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('a simple file', () => {
  it('has days, months or times, and tags in columns of their own or in one', async () => {
    const { format, lines } = await read(
      'Date;Period;Service;Amount;Currency;Tags;tag:tenant\n2026-11-03;;API;1.50;usd;team=x;acme\n;2026-11;API;-2;EUR;;\n',
    );
    expect(format).toBe('simple');
    expect(lines).toMatchObject([
      {
        from: Date.UTC(2026, 10, 3),
        to: Date.UTC(2026, 10, 4),
        currency: 'USD',
        tags: { team: 'x', tenant: 'acme' },
        issuer: 'Issuer',
      },
      {
        from: Date.UTC(2026, 10, 1),
        to: Date.UTC(2026, 11, 1),
        currency: 'EUR',
        atto: -2n * 10n ** 18n,
        account: 'main',
      },
    ]);
  });

  it('keeps every digit, and says where there are too many', async () => {
    const amounts = ['0.000000000000000001', '12345678901234.5', '1e-7', '.5', '5.', '-0', '0.0000000000000000014'];
    const { lines } = await read(
      `date,service,amount,currency\n${amounts.map((amount) => `2026-11-01,a,${amount},USD`).join('\n')}\n`,
    );
    expect(lines.map(({ atto }) => formatAtto(atto))).toEqual([
      ...['0.000000000000000001', '12345678901234.5', '0.0000001', '0.5', '5', '0', '0.000000000000000001'],
    ]);
    expect(lines.map(({ rounded }) => rounded)).toEqual([false, false, false, false, false, false, true]);
  });
});

describe('Parquet', () => {
  const column = (name: string, data: unknown[]) => ({ name, data: data as string[] });
  const texts = [
    'ChargeCategory',
    'BillingAccountId',
    'ProviderName',
    'InvoiceIssuerName',
    'ServiceName',
    'BillingCurrency',
  ];

  it('gives decimals digit by digit, floats as they print, times and maps', async () => {
    const times = ['ChargePeriodStart', 'ChargePeriodEnd', 'BillingPeriodStart', 'BillingPeriodEnd'];
    const at = [
      new Date('2026-11-01T00:00:00Z'),
      new Date('2026-11-02T00:00:00Z'),
      new Date('2026-11-01'),
      new Date('2026-12-01'),
    ];
    const words = ['Usage', '1', 'P', 'I', 'S', 'USD'];
    const decimal = {
      name: 'BilledCost',
      type: 'INT64',
      converted_type: 'DECIMAL',
      scale: 10,
      precision: 18,
      repetition_type: 'OPTIONAL',
    } as const;
    const buffer = parquetWriteBuffer({
      columnData: [
        { name: 'BilledCost', data: [-12_345_678_901_234_567n, 1n] },
        column('EffectiveCost', [0.1, 1.1e-7]),
        ...times.map((name, index) => column(name, [at[index], at[index]])),
        ...texts.map((name, index) => column(name, [words[index], words[index]])),
        column('Tags', [{ tenant: 'acme' }, null]),
      ],
      schema: [
        { name: 'root', num_children: 13 },
        decimal,
        { name: 'EffectiveCost', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
        ...times.map(
          (name) => ({ name, type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', repetition_type: 'OPTIONAL' }) as const,
        ),
        ...texts.map(
          (name) => ({ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' }) as const,
        ),
        { name: 'Tags', type: 'BYTE_ARRAY', converted_type: 'JSON', repetition_type: 'OPTIONAL' },
      ],
    });
    const file = { byteLength: buffer.byteLength, slice: (start: number, end?: number) => buffer.slice(start, end) };
    const billed = await all((await readParquetBill(file, OPTIONS)).lines);
    expect(billed).toMatchObject([
      {
        line: 1,
        atto: -1_234_567_890_123_456_700_000_000n,
        tags: { tenant: 'acme' },
        from: at[0]?.getTime(),
        provider: 'P',
      },
      { line: 2, atto: 100_000_000n, tags: {} },
    ]);
    const effective = await all((await readParquetBill(file, { ...OPTIONS, measure: 'effective' })).lines);
    expect(effective).toMatchObject([{ atto: 10n ** 17n }, { atto: 110_000_000_000n }]);
  });
});
