/** A real tracer provider for tests of the middleware: real http instrumentation, spans kept in memory. */
import { createRequire } from 'node:module';
import { context, propagation, type TextMapPropagator, trace } from '@opentelemetry/api';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { core, node, tracing } from '@opentelemetry/sdk-node';
import { TenantSpanProcessor } from '../../src/middleware/index.ts';

export type EndedSpan = Parameters<tracing.InMemorySpanExporter['export']>[0][number];

export interface TestTracing {
  readonly exporter: tracing.InMemorySpanExporter;
  /** Exports what has ended so far. */
  flush(): Promise<readonly EndedSpan[]>;
  stop(): Promise<void>;
}

/** Registers globally: one at a time in a process, before the servers under test are created. */
export function startTestTracing({
  http = true,
  propagator = new core.W3CTraceContextPropagator() as TextMapPropagator,
} = {}): TestTracing {
  const instrumentation = new HttpInstrumentation({ enabled: http });
  const exporter = new tracing.InMemorySpanExporter();
  const provider = new node.NodeTracerProvider({
    spanProcessors: [
      new TenantSpanProcessor(),
      new tracing.BatchSpanProcessor(exporter, { maxQueueSize: 100_000, scheduledDelayMillis: 60_000 }),
    ],
  });
  provider.register({ propagator });
  instrumentation.setTracerProvider(provider);
  // Loading http by require is what runs the instrumentation's patch; the prototype it patches is everybody's.
  createRequire(import.meta.url)('node:http');
  return {
    exporter,
    flush: async () => {
      await provider.forceFlush();
      return exporter.getFinishedSpans();
    },
    stop: async () => {
      instrumentation.disable();
      await provider.shutdown();
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}
