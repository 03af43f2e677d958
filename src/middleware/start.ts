import { randomUUID } from 'node:crypto';
import { type OwnHosts, TenantBaggagePropagator } from './baggage.ts';
import { type Counters, processCounters } from './counters.ts';
import { optionalPeer } from './optional-peer.ts';
import { type ResourceUse, startResourceUse } from './resource-use/resource-use.ts';
import { TenantSpanProcessor } from './tenant-span-processor.ts';
import { createTenantry, type Tenantry, type TenantryOptions } from './tenantry.ts';

/** What every OpenTelemetry instrumentation has; its full type would make the SDK a dependency of this package. */
export interface InstrumentationLike {
  readonly instrumentationName: string;
  enable(): void;
  disable(): void;
}

/** Options of `startTenantry`. */
export interface StartOptions extends TenantryOptions {
  /** Base URL for OTLP over HTTP; `/v1/traces` and `/v1/metrics` are added. Default http://127.0.0.1:4318. */
  readonly endpoint?: string;
  /** Instrumentations to register. They patch what is imported afterwards. Default: none. */
  readonly instrumentations?: readonly InstrumentationLike[];
  readonly resourceAttributes?: Readonly<Record<string, string | number | boolean>>;
  /** Further span processors of the app's own, run behind Tenantry's. */
  readonly spanProcessors?: readonly SpanProcessorLike[];
  /**
   * The operator's own services: calls to these hosts carry the current tenant in W3C baggage (`fromBaggage` reads it
   * there). Replaces the propagators of `OTEL_PROPAGATORS` by W3C trace context and baggage. Default: nobody is told.
   */
  readonly tellTenantTo?: OwnHosts;
  /**
   * What each tenant uses of this process, sent as OTLP metrics. Left out: bytes only. `true`: CPU and event-loop time
   * too, by samples (needs `@datadog/pprof`). `false`: nothing.
   */
  readonly resourceUse?: ResourceUse;
}

/** Has the shape of the SDK's `SpanProcessor`. */
export interface SpanProcessorLike {
  onStart(span: never, parentContext: never): void;
  onEnd(span: never): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

const DEFAULT_ENDPOINT = 'http://127.0.0.1:4318';
/** The SDK waits 5 s by default; a throttle that is to act within seconds needs fresher figures. */
const EXPORT_DELAY_MS = 1_000;
/** Four times the SDK's default: a second of 8,000 spans fits before any is dropped. */
const MAX_QUEUED_SPANS = 8_192;
const SHUTDOWN_TIMEOUT_MS = 5_000;
const SDK = ['@opentelemetry/sdk-node', '@opentelemetry/exporter-trace-otlp-proto'];

type SdkModule = typeof import('@opentelemetry/sdk-node');
type Sdk = InstanceType<SdkModule['NodeSDK']>;
type SdkConfiguration = NonNullable<ConstructorParameters<SdkModule['NodeSDK']>[0]>;
type SpanExporter = ConstructorParameters<SdkModule['tracing']['BatchSpanProcessor']>[0];

/** `exporter`, with what became of its spans counted. */
function counting(exporter: SpanExporter, counters: Counters): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        counters.add(result.code === 0 ? 'spans_exported' : 'spans_export_failed', spans.length);
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush === undefined ? {} : { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  };
}

function otlpTarget(options: StartOptions, signal: 'traces' | 'metrics') {
  return {
    url: `${(options.endpoint ?? DEFAULT_ENDPOINT).replace(/\/$/, '')}/v1/${signal}`,
    headers: options.key === undefined ? {} : { authorization: `Bearer ${options.key}` },
  };
}

function propagation(core: SdkModule['core'], { tellTenantTo }: StartOptions): Partial<SdkConfiguration> {
  if (tellTenantTo === undefined) return {};
  const propagators = [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()];
  const propagator = new core.CompositePropagator({ propagators });
  return { textMapPropagator: new TenantBaggagePropagator({ hosts: tellTenantTo, propagator }) };
}

async function makeSdk(options: StartOptions, instanceId: string, counters: Counters): Promise<Sdk> {
  const [{ NodeSDK, core, resources, tracing }, { OTLPTraceExporter }] = await optionalPeer('startTenantry', SDK, () =>
    Promise.all([import('@opentelemetry/sdk-node'), import('@opentelemetry/exporter-trace-otlp-proto')]),
  );
  const exporter = new OTLPTraceExporter({
    ...otlpTarget(options, 'traces'),
    // The enum of the exporter's base package has this value; importing it for one word would be one peer more.
    compression: 'gzip' as never,
  });
  return new NodeSDK({
    serviceName: options.serviceName,
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.instance.id': instanceId, ...options.resourceAttributes })),
    // Not the process detector: it exports the command line, in which people pass keys and database addresses.
    resourceDetectors: [resources.envDetector, resources.hostDetector],
    instrumentations: [...(options.instrumentations ?? [])] as unknown as SdkConfiguration['instrumentations'] & object,
    spanProcessors: [
      new TenantSpanProcessor(counters),
      ...((options.spanProcessors ?? []) as unknown as SdkConfiguration['spanProcessors'] & object),
      new tracing.BatchSpanProcessor(counting(exporter, counters), {
        scheduledDelayMillis: EXPORT_DELAY_MS,
        maxQueueSize: MAX_QUEUED_SPANS,
      }),
    ],
    ...propagation(core, options),
    // Traces only: left out, the SDK would send metrics and logs to its default address.
    metricReaders: [],
    logRecordProcessors: [],
  });
}

async function within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const done = work.then(
    () => true,
    () => false,
  );
  return await Promise.race([done, timeout]).finally(() => clearTimeout(timer));
}

/**
 * Sets OpenTelemetry up for the whole process: spans with their tenants over OTLP to Tenantry, and flags back. Call it
 * before the app imports what is to be instrumented, and import the app dynamically afterwards. Needs the packages
 * `@opentelemetry/sdk-node` and `@opentelemetry/exporter-trace-otlp-proto`. Does not wait for the server.
 * @throws Error when one of those packages is not installed
 */
export async function startTenantry(options: StartOptions): Promise<Tenantry> {
  const instanceId = options.instanceId ?? randomUUID();
  const sdk = await makeSdk(options, instanceId, processCounters);
  sdk.start();
  const tenantry = createTenantry({ ...options, instanceId });
  const resource = {
    ...options.resourceAttributes,
    'service.name': options.serviceName,
    'service.instance.id': instanceId,
  };
  const metricsTarget = { ...otlpTarget(options, 'metrics'), resource };
  const resourceUse = await startResourceUse(options.resourceUse, metricsTarget, tenantry.count);
  return {
    ...tenantry,
    shutdown: async () => {
      const used = within(SHUTDOWN_TIMEOUT_MS, resourceUse?.shutdown() ?? Promise.resolve());
      await tenantry.shutdown();
      if (!(await used)) tenantry.count('shutdown_failed');
      if (!(await within(SHUTDOWN_TIMEOUT_MS, sdk.shutdown()))) tenantry.count('shutdown_failed');
    },
  };
}
