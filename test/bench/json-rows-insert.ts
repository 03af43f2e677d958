import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ClickHouse, SegmentInsert } from '../../src/store/clickhouse/clickhouse.ts';
import { decodedRequests } from './decoded-request.ts';
import { jsonRows } from './json-rows.ts';

const ROWS_PER_WRITE = 2_000;
const HEX_COLUMNS = new Set(['TraceId', 'SpanId', 'ParentSpanId']);

/**
 * What a loader looks like that does not let the engine decode: segment -> protobufjs -> rows -> JSON text -> INSERT.
 * Its rows go into the same `spans` table; the rollup views hang on it either way.
 */
export class JsonRowsInsert {
  readonly #clickhouse: ClickHouse;
  readonly #file: string;
  #select: string | undefined;

  constructor(clickhouse: ClickHouse, folder: string) {
    this.#clickhouse = clickhouse;
    this.#file = join(folder, 'rows.jsonl');
  }

  async insertSegment({ path, token }: SegmentInsert): Promise<void> {
    const file = openSync(this.#file, 'w');
    let lines: string[] = [];
    const flush = () => {
      if (lines.length > 0) writeSync(file, `${lines.join('\n')}\n`);
      lines = [];
    };
    for (const request of decodedRequests(readFileSync(path))) {
      for (const row of jsonRows(request)) lines.push(JSON.stringify(row));
      if (lines.length >= ROWS_PER_WRITE) flush();
    }
    flush();
    closeSync(file);
    this.#select ??= await this.#selectOfFile();
    await this.#clickhouse.command(
      `INSERT INTO tenantry.spans ${this.#select} SETTINGS async_insert = 0, insert_deduplication_token = '${token}', deduplicate_insert_select = 'force_enable', deduplicate_blocks_in_dependent_materialized_views = 1, max_threads = 1, max_insert_threads = 1, max_block_size = 100000000, min_insert_block_size_rows = 0, min_insert_block_size_bytes = 0, input_format_parallel_parsing = 0`,
    );
    rmSync(this.#file);
  }

  checkSegment(segment: SegmentInsert): Promise<void> {
    return this.#clickhouse.checkSegment(segment);
  }

  /** JSON has no bytes, so ids travel as hex. Columns that no row names take their default. */
  async #selectOfFile(): Promise<string> {
    const columns = await this.#clickhouse.inspect<{ name: string; type: string }>(
      "SELECT name, type FROM system.columns WHERE database = 'tenantry' AND table = 'spans' ORDER BY position",
    );
    const types = columns.map(({ name, type }) => `${name} ${HEX_COLUMNS.has(name) ? 'String' : type}`).join(', ');
    const select = columns.map(({ name }) => (HEX_COLUMNS.has(name) ? `unhex(${name})` : name)).join(', ');
    return `SELECT ${select} FROM file('${this.#file}', 'JSONEachRow', '${types.replaceAll("'", "\\'")}')`;
  }
}
