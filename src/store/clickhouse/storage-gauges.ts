import { LONGEST_HOLD_MS, type StorageGauge } from '../../domain/storage.ts';
import { ceilTo, DAY_MS, floorTo, HOUR_MS, type Window } from '../../domain/window.ts';
import type { ClickHouse } from './clickhouse.ts';

const NEVER = '9000000000000000';

/** Snapshots of what tenants store, and the byte-hours that follow from them. */
export class StorageGauges {
  readonly #clickhouse: ClickHouse;

  constructor(clickhouse: ClickHouse) {
    this.#clickhouse = clickhouse;
  }

  /** Once, however often it is called with the same token. `now`: Unix ms; of two values for one moment the later wins. */
  async insert(gauges: readonly StorageGauge[], token: string, now: number): Promise<void> {
    if (gauges.length === 0) return;
    const rows = gauges.map((gauge) =>
      JSON.stringify({
        TenantId: gauge.tenantId,
        Store: gauge.store,
        Kind: gauge.kind,
        Time: new Date(gauge.at).toISOString().replace('T', ' ').replace('Z', ''),
        Bytes: String(gauge.bytes),
        ErrorBytes: gauge.errorBytes === null ? null : String(gauge.errorBytes),
        Objects: gauge.objects === null ? null : String(gauge.objects),
        Method: gauge.method,
        HoldMs: Math.min(gauge.holdMs, LONGEST_HOLD_MS),
        InsertedAt: new Date(now).toISOString().replace('T', ' ').replace('Z', ''),
      }),
    );
    await this.#clickhouse.insertRows({ table: 'storage_gauges', rows: rows.join('\n'), token });
  }

  /**
   * Counts the byte-hours of a window anew, from whole hours on; may be repeated. A value holds until the next one of the
   * same tenant and store, or until it is believed no more; of what lies behind nothing is known, and nothing counted.
   */
  async recount(window: Window): Promise<void> {
    const from = floorTo(window.from, HOUR_MS);
    const to = Math.floor(window.to);
    if (to <= from) return;
    await this.#clickhouse.command(hoursSql(from, to));
    await this.#clickhouse.command(daysSql(floorTo(from, DAY_MS), ceilTo(to, HOUR_MS)));
  }
}

function time(ms: number): string {
  return `fromUnixTimestamp64Milli(toInt64(${Math.floor(ms)}), 'UTC')`;
}

function seconds(ms: number): string {
  return `toDateTime(${Math.floor(ms / 1_000)}, 'UTC')`;
}

/** Numbers of ours only. Rows that are there already and have nothing any more get a row of zeros. */
function hoursSql(from: number, to: number): string {
  return `
INSERT INTO storage_by_hour (TenantId, Store, Time, ByteMs, CoveredMs, Bytes, CountedAt)
SELECT TenantId, Store, toDateTime(Hour * 3600, 'UTC'), sum(PartByteMs), sum(PartMs), argMax(PartBytes, PartFrom),
       now64(6, 'UTC')
FROM (
  SELECT TenantId, Store, Hour, greatest(Since, toInt64(Hour * ${HOUR_MS})) AS PartFrom,
         toUInt64(least(Until, toInt64((Hour + 1) * ${HOUR_MS})) - PartFrom) AS PartMs,
         toUInt128(PartBytes) * PartMs AS PartByteMs, PartBytes
  FROM (
    SELECT TenantId, Store, Bytes AS PartBytes, Since, Until,
           arrayJoin(range(toUInt64(intDiv(Since, ${HOUR_MS})), toUInt64(intDiv(Until - 1, ${HOUR_MS}) + 1))) AS Hour
    FROM (
      SELECT TenantId, Store, Bytes, greatest(At, toInt64(${from})) AS Since,
             least(Next, At + toInt64(HoldMs), toInt64(${to})) AS Until
      FROM (
        SELECT TenantId, Store, Bytes, HoldMs, toUnixTimestamp64Milli(Time) AS At,
               leadInFrame(At, 1, toInt64(${NEVER})) OVER (PARTITION BY TenantId, Store ORDER BY At
                 ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS Next
        FROM storage_gauges FINAL WHERE Time >= ${time(from - LONGEST_HOLD_MS)} AND Time < ${time(to)}))
    WHERE Until > Since)
  UNION ALL
  SELECT TenantId, Store, toUInt64(intDiv(toUnixTimestamp(Time), 3600)) AS Hour, toInt64(0) AS PartFrom, toUInt64(0),
         toUInt128(0), toUInt64(0)
  FROM storage_by_hour FINAL WHERE Time >= ${seconds(from)} AND Time < ${seconds(to)} AND CoveredMs > 0)
GROUP BY TenantId, Store, Hour`;
}

function daysSql(from: number, to: number): string {
  return `
INSERT INTO storage_by_day (TenantId, Store, Time, ByteMs, CoveredMs, Bytes, CountedAt)
SELECT TenantId, Store, toStartOfDay(Time) AS Day, sum(h.ByteMs), sum(h.CoveredMs),
       argMaxIf(h.Bytes, h.Time, h.CoveredMs > 0), now64(6, 'UTC')
FROM storage_by_hour AS h FINAL
WHERE Time >= ${seconds(from)} AND Time < ${seconds(ceilTo(to, DAY_MS))}
GROUP BY TenantId, Store, Day`;
}
