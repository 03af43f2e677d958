-- to: metric_landing
-- One row a data point out of each request; says which tenant it belongs to and whether it has to be set aside. The
-- tenant is found as for spans, the point's attributes standing where the span's do. Shape of the text: as for spans
-- (span_landing_view.sql). A metric has one kind of data, so the points of its five kinds, one behind the other, are
-- those of the one that it has; `kind` is that one's field number in OTLP.
SELECT
    multiIf(
        MetricName = '', 'metric without a name',
        bitAnd(Flags, 1) = 1, 'no recorded value',
        ValueKind = 'none', 'no value',
        NOT isFinite(Value), 'value is not a finite number',
        TimeNs > ReceivedAtNs + {{accept_future_ns}}, 'in the future',
        TimeNs + {{accept_past_ns}} < ReceivedAtNs, 'too old',
        StartNs > TimeNs, 'ends before it starts',
        IsMonotonic AND Value < 0, 'negative value of a monotonic sum',
        Value > if(Unit = 's', 9e6, 9e15) AND startsWith(MetricName, 'tenantry.'), 'value is out of range',
        '') AS SetAsideReason,
    {{resolve_tenant:PointTenant, Attributes}} AS TenantId,
    ReceivedAtNs,
    KeyId,
    MetricName,
    Unit,
    Kind,
    Temporality,
    IsMonotonic,
    StartNs,
    TimeNs,
    Value,
    Observations,
    ServiceName,
    ServiceInstance,
    ScopeName,
    Attributes,
    ResourceAttributes
FROM
(
    SELECT
        *,
        Attributes[{{tenant_attribute}}] AS PointTenant
    FROM
    (
        SELECT
            * EXCEPT RawAttributes,
            {{leaf_attribute_map:RawAttributes}} AS Attributes
        FROM
        (
            SELECT
                ReceivedAtNs,
                KeyId,
                KeyTenant,
                KeyService,
                ResourceAttributes,
                arrayFirst(
                    tenant -> match(tenant, '{{tenant_pattern}}'),
                    arrayMap(name -> ResourceAttributes[name], [{{tenant_attributes}}])) AS ResourceTenant,
                if(KeyService != '', KeyService, toValidUTF8(ResourceAttributes['service.name'])) AS ServiceName,
                toValidUTF8(ResourceAttributes['service.instance.id']) AS ServiceInstance,
                toValidUTF8(RawScopeName) AS ScopeName,
                toValidUTF8(RawMetricName) AS MetricName,
                toValidUTF8(RawUnit) AS Unit,
                MetricKind AS Kind,
                SumTemporality + HistogramTemporality + ExponentialHistogramTemporality AS Temporality,
                SumIsMonotonic AS IsMonotonic,
                {{all_points:Attributes}} AS RawAttributes,
                {{all_points:StartNs}} AS StartNs,
                {{all_points:TimeNs}} AS TimeNs,
                {{all_points:Flags}} AS Flags,
                arrayConcat(
                    arrayMap((kind, fraction, whole) -> if(kind = 'as_int', toFloat64(whole), fraction), GaugeValueKind, GaugeAsDouble, GaugeAsInt),
                    arrayMap((kind, fraction, whole) -> if(kind = 'as_int', toFloat64(whole), fraction), SumValueKind, SumAsDouble, SumAsInt),
                    HistogramSum, ExponentialHistogramSum, SummarySum) AS Value,
                arrayConcat(GaugeValueKind, SumValueKind, arrayMap(count -> 'as_double', HistogramCount), arrayMap(count -> 'as_double', ExponentialHistogramCount), arrayMap(count -> 'as_double', SummaryCount)) AS ValueKind,
                arrayConcat(arrayMap(start -> 0::UInt64, GaugeStartNs), arrayMap(start -> 0::UInt64, SumStartNs), HistogramCount, ExponentialHistogramCount, SummaryCount) AS Observations
            FROM
            (
                SELECT *
                FROM
                (
                    SELECT
                        * EXCEPT RawResourceAttributes,
                        {{attribute_map:RawResourceAttributes}} AS ResourceAttributes
                    FROM
                    (
                        SELECT
                            tenantry_received_at AS ReceivedAtNs,
                            tenantry_key_id AS KeyId,
                            tenantry_key_tenant AS KeyTenant,
                            tenantry_key_service AS KeyService,
                            resource_metrics.resource.attributes AS RawResourceAttributes,
                            {{scope_metric_column_reads}}
                        FROM otlp_metrics_landing
                    )
                    ARRAY JOIN RawResourceAttributes, {{scope_metric_columns}}
                )
                ARRAY JOIN {{scope_metric_columns}}
            )
            ARRAY JOIN {{metric_columns}}
        )
        ARRAY JOIN RawAttributes, StartNs, TimeNs, Flags, Value, ValueKind, Observations
    )
)
