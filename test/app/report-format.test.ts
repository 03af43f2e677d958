import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { describe, expect, it } from 'vitest';
import { reportFile } from '../../src/app/report-format.ts';
import { unguarded } from '../../src/cost/focus-guard.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { ReportTable, ReportValue } from '../../src/domain/report.ts';

const COLUMNS: ReportTable['columns'] = [
  { name: 'tenant_id', type: 'text' },
  { name: 'from', type: 'time' },
  { name: 'bytes', type: 'integer' },
  { name: 'share', type: 'ratio' },
];
const FROM = Date.UTC(2026, 9, 1);

const table = (...rows: ReportValue[][]): ReportTable => ({ columns: COLUMNS, rows });

function csv(text: Buffer): string[][] {
  return parse(text, { relax_column_count: false });
}

async function parquet(content: Buffer): Promise<Record<string, unknown>[]> {
  const file = new Uint8Array(content).buffer;
  return parquetReadObjects({ file, compressors });
}

const anyText = fc.string({ unit: 'grapheme', maxLength: 20 });
const anyRow = fc.tuple(
  fc.option(anyText),
  fc.constant(FROM),
  fc.option(fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n })),
  fc.option(fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 })),
);

describe('a report as a file', () => {
  it('keeps every value in CSV, to the last digit', () => {
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1, maxLength: 5 }), (rows) => {
        const [header, ...cells] = csv(reportFile(table(...rows.map((row) => [...row])), 'csv').content);
        expect(header).toEqual(COLUMNS.map(({ name }) => name));
        // An empty text and an unknown one are both empty cells: tenants have names of one character or more.
        const expected = rows.map(([text, , bytes, share]) => [
          ...[text ?? '', '2026-10-01T00:00:00.000Z', bytes === null ? '' : bytes.toString()],
          share === null ? '' : String(share),
        ]);
        expect(cells.map(([text = '', ...rest]) => [unguarded(text), ...rest])).toEqual(expected);
      }),
    );
  });

  it('keeps every value in Parquet, whole numbers as 64 bits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 5 }), async (rows) => {
        const read = await parquet(reportFile(table(...rows.map((row) => [...row])), 'parquet').content);
        expect(read.map(({ tenant_id: text, bytes, share }) => [text ?? null, bytes ?? null, share ?? null])).toEqual(
          rows.map(([text, , bytes, share]) => [text, bytes, share]),
        );
        expect(read.every(({ from }) => from instanceof Date && from.getTime() === FROM)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('has in JSON numbers where readers hold them, digits where they do not, null for unknown', () => {
    const rows = [
      ['acme', FROM, 9_007_199_254_740_991n, 0.5],
      ['beta', FROM, 9_007_199_254_740_993n, null],
    ];
    expect(JSON.parse(reportFile(table(...rows), 'json').content.toString())).toEqual([
      { tenant_id: 'acme', from: '2026-10-01T00:00:00.000Z', bytes: 9_007_199_254_740_991, share: 0.5 },
      { tenant_id: 'beta', from: '2026-10-01T00:00:00.000Z', bytes: '9007199254740993', share: null },
    ]);
  });

  it('makes a sum that no 64 bits hold a text and not another number', async () => {
    const [row] = await parquet(reportFile(table(['acme', FROM, 2n ** 70n, null]), 'parquet').content);
    expect(row?.['bytes']).toBe('1180591620717411303424');
  });

  it.each(['=1+1', '+cmd', '-2', '@SUM(A1)', '\tx'])('lets no spreadsheet run %j', (text) => {
    const [, row] = csv(reportFile(table([text, FROM, 1n, null]), 'csv').content);
    expect(row?.[0]).toBe(`'${text}`);
  });

  it.each(['csv', 'json', 'parquet'] as const)('is whole without rows as %s', async (format) => {
    const { content } = reportFile(table(), format);
    if (format === 'csv') expect(csv(content)).toEqual([COLUMNS.map(({ name }) => name)]);
    else expect(format === 'json' ? JSON.parse(content.toString()) : await parquet(content)).toEqual([]);
  });

  it('refuses more rows than a file should have, and says what to do', () => {
    const rows = Array.from({ length: 500_001 }, () => ['acme', FROM, 1n, null]);
    const make = () => reportFile({ columns: COLUMNS, rows }, 'csv');
    expect(make).toThrow(TenantryError);
    expect(make).toThrow('500001 rows, at most 500000');
  });
});
