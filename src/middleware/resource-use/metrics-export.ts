/** Sends usage reports as OTLP metrics: sums with delta temporality, one point per tenant. */
import { type Context, context, type HrTime, ROOT_CONTEXT, ValueType } from '@opentelemetry/api';
import type { ResourceMetrics, SumMetricData } from '@opentelemetry/sdk-metrics';
import { TENANT_ATTRIBUTE } from '../../domain/attributes.ts';
import { withoutTracing } from '../server-span.ts';
import type { TenantUse } from './apportion.ts';
import type { UsageReport } from './usage-meter.ts';

type AttributeValue = string | number | boolean;

export interface MetricsTarget {
  /** The whole address, `…/v1/metrics` included. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Attributes of the resource; `service.name` and `service.instance.id` among them. */
  readonly resource: Readonly<Record<string, AttributeValue>>;
}

export interface MetricsSender {
  /** Resolves with true when the receiver took the report, false when it did not. Never rejects. */
  send(report: UsageReport): Promise<boolean>;
  shutdown(): Promise<void>;
}

interface Point {
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Instrument {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly valueType: ValueType;
  readonly points: (report: UsageReport) => Point[];
}

/** Points of zero say nothing in a delta, and would be most of the bytes. */
function perTenant(report: UsageReport, value: (use: TenantUse) => number, more: Record<string, string> = {}): Point[] {
  return report.tenants
    .map((use) => ({ attributes: { [TENANT_ATTRIBUTE]: use.tenantId, ...more }, value: value(use) }))
    .filter((point) => point.value > 0);
}

const INSTRUMENTS: readonly Instrument[] = [
  {
    name: 'tenantry.cpu.time',
    unit: 's',
    description: 'CPU time used for a tenant',
    valueType: ValueType.DOUBLE,
    points: (report) => (report.cpu === 'off' ? [] : perTenant(report, (use) => use.cpuSeconds)),
  },
  {
    name: 'tenantry.cpu.samples',
    unit: '{sample}',
    description: 'Profiler samples that fell on a tenant',
    valueType: ValueType.INT,
    points: (report) => perTenant(report, (use) => use.cpuSamples),
  },
  {
    name: 'tenantry.event_loop.time',
    unit: 's',
    description: 'Time for which a tenant held the event loop',
    valueType: ValueType.DOUBLE,
    points: (report) => perTenant(report, (use) => use.eventLoopSeconds),
  },
  {
    name: 'tenantry.network.io',
    unit: 'By',
    description: 'Bytes of request and response bodies',
    valueType: ValueType.INT,
    points: (report) => [
      ...perTenant(report, (use) => use.receivedBytes, { 'network.io.direction': 'receive' }),
      ...perTenant(report, (use) => use.transmittedBytes, { 'network.io.direction': 'transmit' }),
    ],
  },
  {
    name: 'tenantry.process.cpu.time',
    unit: 's',
    description: 'CPU time of the whole process',
    valueType: ValueType.DOUBLE,
    points: (report) => (report.cpu === 'off' ? [] : [{ attributes: {}, value: report.process.cpuSeconds }]),
  },
];

function hrTime(unixMs: number): HrTime {
  return [Math.trunc(unixMs / 1_000), Math.round((unixMs % 1_000) * 1e6)];
}

/** The report in the SDK's own shape, without instruments that have nothing to say. */
function resourceMetricsOf(
  report: UsageReport,
  resource: MetricsTarget['resource'],
  { DataPointType, AggregationTemporality }: typeof import('@opentelemetry/sdk-metrics'),
): ResourceMetrics {
  const interval = { startTime: hrTime(report.from), endTime: hrTime(report.to) };
  const metrics = INSTRUMENTS.map(
    ({ points, ...descriptor }): SumMetricData => ({
      descriptor,
      dataPointType: DataPointType.SUM,
      aggregationTemporality: AggregationTemporality.DELTA,
      isMonotonic: true,
      dataPoints: points(report).map((point) => ({ ...interval, ...point })),
    }),
  ).filter(({ dataPoints }) => dataPoints.length > 0);
  return {
    // The exporter reads nothing else of a resource, and its class is in a package that this one does not need.
    resource: { attributes: { ...resource } } as unknown as ResourceMetrics['resource'],
    scopeMetrics: [{ scope: { name: 'tenantry' }, metrics }],
  };
}

/**
 * A sender over HTTP with protobuf. Needs `@opentelemetry/sdk-metrics` and `@opentelemetry/exporter-metrics-otlp-proto`.
 * @throws when one of the two is not installed
 */
export async function makeMetricsSender(target: MetricsTarget): Promise<MetricsSender> {
  const sdk = await import('@opentelemetry/sdk-metrics');
  const { OTLPMetricExporter } = await import('@opentelemetry/exporter-metrics-otlp-proto');
  const exporter = new OTLPMetricExporter({
    url: target.url,
    headers: { ...target.headers },
    timeoutMillis: target.timeoutMs,
    // The enum of the exporter's base package has this value; importing it for one word would be one peer more.
    compression: 'gzip' as never,
  });
  // The middleware's own requests are neither traced nor anybody's CPU.
  const quiet: Context = withoutTracing(ROOT_CONTEXT);
  return {
    send: (report) => {
      const metrics = resourceMetricsOf(report, target.resource, sdk);
      if (metrics.scopeMetrics[0]?.metrics.length === 0) return Promise.resolve(true);
      return new Promise<boolean>((resolve) => {
        context.with(quiet, () => exporter.export(metrics, ({ code }) => resolve(code === 0)));
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}
