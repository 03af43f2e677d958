import { join } from 'node:path';
import type { ClickHouse } from '../../src/store/clickhouse/clickhouse.ts';
import { onceOnlySettings } from '../../src/store/clickhouse/otlp-schema.ts';

/**
 * The limit: rows of `spans` in ClickHouse's own format, worked out beforehand. All that is left for an insert to do is what every
 * insert has to do: read columns, sort, compress, write, fill the rollups.
 */
export async function exportNative(clickhouse: ClickHouse, folder: string, files: number): Promise<string[]> {
  const paths = Array.from({ length: files }, (_, index) => join(folder, `spans-${index}.native`));
  for (const [index, path] of paths.entries()) {
    await clickhouse.command(
      `INSERT INTO FUNCTION file('${path}', 'Native') SELECT * FROM tenantry.spans WHERE cityHash64(SpanId) % ${files} = ${index} ORDER BY rand()`,
    );
  }
  return paths;
}

let inserts = 0;

export async function insertNative(clickhouse: ClickHouse, path: string): Promise<void> {
  inserts += 1;
  const settings = onceOnlySettings(`native-${process.pid}-${inserts}`);
  await clickhouse.command(`INSERT INTO tenantry.spans SELECT * FROM file('${path}', 'Native') SETTINGS ${settings}`);
}
