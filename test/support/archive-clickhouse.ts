import type { EmbeddedClickHouse } from '../../src/store/clickhouse/embedded-clickhouse.ts';

const FIELDS = `TenantId, Timestamp, Duration, TraceId, SpanId, SpanName, SpanKind, ServiceName, ResourceAttributes, SpanAttributes,
  EventsTimestamp, EventsName, EventsAttributes, LinksTraceId, LinksSpanId, ReceivedAt, KeyId, IsError, Route, HttpStatus, DbSystem,
  DbOperation, CacheHits, AiOperation, AiProvider, AiModel, AiInputTokens, DbRows`;

/** Rows of a tenant in every table that keeps any: some written, the rest made of them by the views. */
export async function fillTenant(clickhouse: EmbeddedClickHouse, tenant: string, spans: number): Promise<void> {
  const t = `'${tenant}'`;
  await clickhouse.command(
    `INSERT INTO tenantry.spans (${FIELDS})
     SELECT ${t}, now64(9, 'UTC') - toIntervalMillisecond(number * 37 % 200000000), 1000000 + number % 977 * 10000,
       reinterpretAsFixedString(toUInt128(cityHash64(number, ${t})) * 18446744073709551557), reinterpretAsFixedString(cityHash64(number, ${t}, 1)),
       'op ' || toString(number % 7), number % 4, 'svc-' || toString(number % 3), map('host', 'h' || toString(number % 2)),
       map('db.query.text', if(number % 4 = 3, 'select ' || toString(number % 5) || ' from t', ''), 'note', 'quo"te, ü, =1+1'),
       [now64(9, 'UTC')], ['event'], [map('a', toString(number))], [toFixedString('l', 16)], [toFixedString('m', 8)],
       now64(3, 'UTC'), 'key-1', number % 11 = 0, if(number % 4 = 2, 'GET /r' || toString(number % 5), ''), 200,
       if(number % 4 = 3, 'postgresql', ''), if(number % 4 = 3, 'SELECT', ''), number % 2,
       if(number % 9 = 0, 'chat', ''), if(number % 9 = 0, 'openai', ''), if(number % 9 = 0, 'gpt-4o', ''), number % 9 = 0 ? 100 : 0,
       if(number % 4 = 3, number % 50, NULL)
     FROM numbers(${spans})`,
  );
  await clickhouse.command(
    `INSERT INTO tenantry.metric_points (TenantId, MetricName, Unit, Kind, Temporality, IsMonotonic, ServiceName, StartTime, Time, Value, Attributes, ReceivedAt)
     SELECT ${t}, if(number % 2 = 0, 'tenantry.cpu.time', 'custom.gauge'), 's', 'Sum', 'Delta', true, 'svc-1',
       now64(9, 'UTC') - toIntervalSecond(number + 1), now64(9, 'UTC') - toIntervalSecond(number), 0.25 + number, map('k', 'v'), now64(3, 'UTC')
     FROM numbers(50)`,
  );
  await clickhouse.command(
    `INSERT INTO tenantry.usage_events (TenantId, Type, Time, Source, Id, Numbers, Texts, Data, ReceivedAt, KeyId)
     SELECT ${t}, 'export', now64(3, 'UTC') - toIntervalHour(number), 'app', ${t} || toString(number), map('$.size', toDecimal128(number, 9) / 7, '', toDecimal128(1, 9)),
       map('$.kind', 'pdf'), '{"size":1}', now64(3, 'UTC'), 'key-1' FROM numbers(40)`,
  );
  await clickhouse.command(
    `INSERT INTO tenantry.storage_gauges (TenantId, Store, Kind, Time, Bytes, ErrorBytes, Objects, Method, HoldMs, InsertedAt)
     SELECT ${t}, 'db', 'database', now64(3, 'UTC') - toIntervalHour(number), number * 1000, NULL, 5, 'exact', 3600000, now64(6, 'UTC') FROM numbers(10)`,
  );
  for (const level of ['hour', 'day']) {
    await clickhouse.command(
      `INSERT INTO tenantry.storage_by_${level} (TenantId, Store, Time, ByteMs, CoveredMs, Bytes, CountedAt)
       SELECT ${t}, 'db', toDateTime('2026-01-01 00:00:00', 'UTC') + toIntervalDay(number), toUInt128(number) * toUInt128('36028797018963968001'), 3600000, 7, now64(6, 'UTC') FROM numbers(10)`,
    );
  }
  await clickhouse.command(
    `INSERT INTO tenantry.spans_set_aside (ReceivedAt, Reason, TenantId, ServiceName, SpanName, SpanKind, TraceId, SpanId, StartNs, EndNs, SpanAttributes, KeyId)
     VALUES (now64(3, 'UTC'), 'too_old', ${t}, 'svc-1', 'old', 2, 'x', 'y', 1, 2, map('a', 'b'), 'key-1')`,
  );
  await clickhouse.command(
    `INSERT INTO tenantry.metric_points_set_aside (ReceivedAt, Reason, TenantId, ServiceName, MetricName, Kind, StartNs, TimeNs, Value, Attributes, KeyId)
     VALUES (now64(3, 'UTC'), 'no_time', ${t}, 'svc-1', 'm', 5, 1, 2, 0.5, map('a', 'b'), 'key-1')`,
  );
}
