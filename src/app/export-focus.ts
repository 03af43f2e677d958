import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { fileWriter, parquetWriteRows } from 'hyparquet-writer';
import type { FocusColumn, FocusVersion } from '../cost/focus-columns.ts';
import { guarded } from '../cost/focus-guard.ts';
import {
  type FocusShare,
  type FocusValue,
  focusExportColumns,
  focusRow,
  focusText,
  isAmount,
} from '../cost/focus-rows.ts';
import type { StaffActor } from '../domain/actor.ts';
import { alignOutwards, DAY_MS, type Window } from '../domain/window.ts';
import type { CostExportStore, ExportRow } from '../store/postgres/cost-export-store.ts';

type SchemaElement = NonNullable<Parameters<typeof parquetWriteRows>[0]['schema']>[number];

const EXPORTS: StaffActor = { kind: 'system', subject: 'export' };
const TENANTS_AT_ONCE = 200;
const ROW_GROUP = 10_000;

export interface FocusExportQuestion {
  readonly window: Window;
  readonly currency: string;
  readonly version: FocusVersion;
  readonly format: 'csv' | 'parquet';
}

export interface FocusExportSource {
  readonly store: Pick<CostExportStore, 'tenants' | 'ofTenants' | 'ofNobody'>;
  /** Rules of a version that take a tenant's name from the line: nothing is split there. */
  readonly directRules: (version: number) => Promise<ReadonlySet<string>>;
}

/**
 * The ledger as a FOCUS file, in pieces. Its amounts add up to the bills of the window to the micro-unit. Memory does not
 * grow with the number of tenants.
 */
export async function* focusExport(
  source: FocusExportSource,
  question: FocusExportQuestion,
): AsyncGenerator<Uint8Array> {
  const columns = focusExportColumns(question.version);
  const window = alignOutwards(question.window, DAY_MS);
  const rows = focusRows(source, window, question.currency);
  if (question.format === 'csv') yield* csvPieces(rows, columns);
  else yield* parquetPieces(rows, columns);
}

async function* focusRows(
  { store, directRules }: FocusExportSource,
  window: Window,
  currency: string,
): AsyncGenerator<readonly Readonly<Record<string, FocusValue>>[]> {
  const direct = new Map<number, ReadonlySet<string>>();
  const rowOf = async (row: ExportRow, line: FocusShare['line']) => {
    const rules = direct.get(row.rulesVersion) ?? (await directRules(row.rulesVersion));
    direct.set(row.rulesVersion, rules);
    const { billingFrom, billingTo, month, ...same } = row;
    const at = new Date(month);
    const end = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1);
    const charge = { from: Math.max(month, window.from), to: Math.min(end, window.to) };
    return focusRow({
      ...{ ...same, line, charge, billing: { from: billingFrom, to: billingTo } },
      isDirect: rules.has(row.rule),
    });
  };
  const nobodys = await store.ofNobody(EXPORTS, window, currency);
  yield await Promise.all(nobodys.map((row) => rowOf(row, row.line)));
  for (let after = ''; ; ) {
    const tenants = await store.tenants(EXPORTS, window, after, TENANTS_AT_ONCE);
    const last = tenants.at(-1);
    if (last === undefined) return;
    after = last;
    const rows = await store.ofTenants(EXPORTS, window, currency, tenants);
    yield await Promise.all(rows.map((row) => rowOf(row, 'tenant')));
  }
}

type Pieces = AsyncIterable<readonly Readonly<Record<string, FocusValue>>[]>;

async function* csvPieces(pieces: Pieces, columns: readonly FocusColumn[]): AsyncGenerator<Uint8Array> {
  yield Buffer.from(stringify([columns.map(({ name }) => name)]));
  for await (const rows of pieces) {
    if (rows.length === 0) continue;
    const lines = rows.map((row) =>
      columns.map((column) => {
        const text = focusText(row[column.name] ?? null, column);
        return column.type === 'string' ? guarded(text) : text;
      }),
    );
    yield Buffer.from(stringify(lines));
  }
}

/** By way of a file: what Parquet says of its contents stands at its end. */
async function* parquetPieces(pieces: Pieces, columns: readonly FocusColumn[]): AsyncGenerator<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-focus-'));
  const path = join(folder, 'focus.parquet');
  async function* rows() {
    for await (const piece of pieces) {
      for (const row of piece) {
        yield Object.fromEntries(
          columns.map((column) => [column.name, parquetValue(row[column.name] ?? null, column)]),
        );
      }
    }
  }
  try {
    await parquetWriteRows({
      ...{ writer: fileWriter(path), rows: rows(), rowGroupSize: ROW_GROUP },
      columns: columns.map(({ name }) => ({ name })),
      schema: [{ name: 'root', num_children: columns.length }, ...columns.map(schemaOf)],
    });
    yield* createReadStream(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function schemaOf(column: FocusColumn): SchemaElement {
  const { name } = column;
  if (isAmount(column)) {
    return { name, type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale: 6, repetition_type: 'OPTIONAL' };
  }
  if (column.type === 'time') {
    return { name, type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', repetition_type: 'OPTIONAL' };
  }
  if (column.type === 'decimal') return { name, type: 'DOUBLE', repetition_type: 'OPTIONAL' };
  return { name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' };
}

function parquetValue(value: FocusValue, column: FocusColumn): string | number | bigint | Date | null {
  if (value === null || typeof value === 'bigint') return value;
  if (column.type === 'decimal') return Number(value);
  return column.type === 'time' && typeof value === 'number' ? new Date(value) : String(value);
}
