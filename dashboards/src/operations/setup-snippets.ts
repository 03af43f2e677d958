/** Texts for the first set-up, with the server's own addresses in them. Pure. */
export const SETUP_LANGUAGES = ['node', 'python', 'java', 'go', 'collector'] as const;
export type SetupLanguage = (typeof SETUP_LANGUAGES)[number];

export const LANGUAGE_NAMES: Readonly<Record<SetupLanguage, string>> = {
  node: 'Node.js',
  python: 'Python',
  java: 'Java',
  go: 'Go',
  collector: 'Collector',
};

export interface SetupPlace {
  /** Of OTLP/HTTP, without a path: http://tenantry.example:4318. */
  readonly endpoint: string;
  /** Of this server, for the flags that apps obey. */
  readonly apiUrl: string;
  readonly service: string;
}

export interface SetupText {
  /** File or place. */
  readonly name: string;
  readonly text: string;
}

/** Set in the shell before, so that the key stands in no file. */
export const KEY_VARIABLE = 'TENANTRY_KEY';

/** The line that makes the key known to the shell. Keys have letters, digits, `-` and `_` alone. */
export function keyLine(key: string | undefined): string {
  return `export ${KEY_VARIABLE}=${key ?? "'<your ingest key>'"}\n`;
}

/** Of every SDK that is set up by its environment. */
function environment({ endpoint, service }: SetupPlace): string {
  return [
    `export OTEL_SERVICE_NAME=${service}`,
    'export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf',
    `export OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint}`,
    `export OTEL_EXPORTER_OTLP_HEADERS="x-tenantry-key=$${KEY_VARIABLE}"`,
    'export OTEL_LOGS_EXPORTER=none',
    '',
  ].join('\n');
}

function node({ endpoint, apiUrl, service }: SetupPlace): SetupText[] {
  return [
    {
      name: 'Terminal',
      text: [
        'npm install fastify tenantry @opentelemetry/api @opentelemetry/sdk-node \\',
        '  @opentelemetry/exporter-trace-otlp-proto @opentelemetry/instrumentation-http',
        '',
      ].join('\n'),
    },
    {
      name: 'main.mjs, which starts first',
      text: `import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { startTenantry } from 'tenantry';

const tenantry = await startTenantry({
  serviceName: '${service}',
  endpoint: '${endpoint}', // OTLP
  apiUrl: '${apiUrl}', // flags
  key: process.env.${KEY_VARIABLE},
  instrumentations: [new HttpInstrumentation()],
});
const { startApp } = await import('./app.mjs');
await startApp(tenantry);
`,
    },
    {
      name: 'app.mjs',
      text: `import fastify from 'fastify';
import { fromHeader } from 'tenantry';
import { tenantryFastify } from 'tenantry/fastify';

export async function startApp(tenantry) {
  const app = fastify();
  // Say how your app knows whose request it is: fromJwt, fromSubdomain, fromPath, …
  await app.register(tenantryFastify, { tenantry, sources: [fromHeader('x-tenant-id')] });
  app.get('/hello', async () => 'hello');
  await app.listen({ port: Number(process.env.PORT ?? 8080) });
}
`,
    },
    {
      name: 'Terminal: start it, and send it a request',
      text: "node main.mjs &\nsleep 2\ncurl -H 'x-tenant-id: acme' http://127.0.0.1:8080/hello\n",
    },
  ];
}

function python(place: SetupPlace): SetupText[] {
  return [
    {
      name: 'Terminal',
      text: [
        'pip install opentelemetry-distro opentelemetry-exporter-otlp-proto-http opentelemetry-processor-baggage',
        'opentelemetry-bootstrap -a install',
        '',
        environment(place),
        'opentelemetry-instrument python app.py',
        '',
      ].join('\n'),
    },
    {
      name: 'app.py',
      text: `from opentelemetry import baggage, context, trace
from opentelemetry.processor.baggage import BaggageSpanProcessor

# once, at the start: every span of a request gets its tenant
trace.get_tracer_provider().add_span_processor(
    BaggageSpanProcessor(lambda key: key == "tenant_id")
)


def as_tenant(tenant_id, work):
    """Call this around the handling of each request."""
    trace.get_current_span().set_attribute("tenant_id", tenant_id)
    token = context.attach(baggage.set_baggage("tenant_id", tenant_id))
    try:
        return work()
    finally:
        context.detach(token)
`,
    },
  ];
}

function java(place: SetupPlace): SetupText[] {
  return [
    {
      name: 'Terminal',
      text: [
        'curl -LO https://github.com/open-telemetry/opentelemetry-java-instrumentation/releases/latest/download/opentelemetry-javaagent.jar',
        '',
        environment(place),
        'export OTEL_JAVA_EXPERIMENTAL_SPAN_ATTRIBUTES_COPY_FROM_BAGGAGE_INCLUDE=tenant_id',
        'java -javaagent:opentelemetry-javaagent.jar -jar app.jar',
        '',
      ].join('\n'),
    },
    {
      name: 'Around the handling of each request',
      text: `import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.context.Scope;

Span.current().setAttribute("tenant_id", tenantId);
Baggage baggage = Baggage.current().toBuilder().put("tenant_id", tenantId).build();
try (Scope scope = baggage.makeCurrent()) {
  handle(request);
}
`,
    },
  ];
}

function go(place: SetupPlace): SetupText[] {
  return [
    {
      name: 'Terminal',
      text: [
        'go get go.opentelemetry.io/otel/sdk \\',
        '  go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp \\',
        '  go.opentelemetry.io/contrib/processors/baggagecopy',
        '',
        environment(place),
      ].join('\n'),
    },
    {
      name: 'tracing.go',
      text: `package main

import (
	"context"

	"go.opentelemetry.io/contrib/processors/baggagecopy"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// startTracing reads the address and the key from the environment. Call Shutdown before the program ends.
func startTracing(ctx context.Context) (*sdktrace.TracerProvider, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	isTenant := func(member baggage.Member) bool { return member.Key() == "tenant_id" }
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(baggagecopy.NewSpanProcessor(isTenant)),
		sdktrace.WithBatcher(exporter),
	)
	otel.SetTracerProvider(provider)
	return provider, nil
}

// withTenant is for each request: handle it with the context that this returns.
func withTenant(ctx context.Context, tenantID string) (context.Context, error) {
	trace.SpanFromContext(ctx).SetAttributes(attribute.String("tenant_id", tenantID))
	member, err := baggage.NewMember("tenant_id", tenantID)
	if err != nil {
		return ctx, err
	}
	bag, err := baggage.FromContext(ctx).SetMember(member)
	if err != nil {
		return ctx, err
	}
	return baggage.ContextWithBaggage(ctx, bag), nil
}
`,
    },
  ];
}

function collector({ endpoint }: SetupPlace): SetupText[] {
  return [
    {
      name: 'config.yaml',
      text: `receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 0.0.0.0:4316 # 4317 and 4318 are Tenantry's where both run on one machine
      http:
        endpoint: 0.0.0.0:4319
processors:
  batch:
    send_batch_size: 2000
    timeout: 1s
exporters:
  otlphttp/tenantry:
    endpoint: ${endpoint}
    headers:
      x-tenantry-key: \${env:${KEY_VARIABLE}}
    retry_on_failure:
      enabled: true
    sending_queue:
      enabled: true
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [otlphttp/tenantry]
    metrics:
      receivers: [otlp]
      processors: [batch]
      exporters: [otlphttp/tenantry]
`,
    },
    { name: 'Terminal', text: 'otelcol --config config.yaml\n' },
  ];
}

const TEXTS: Readonly<Record<SetupLanguage, (place: SetupPlace) => SetupText[]>> = {
  node,
  python,
  java,
  go,
  collector,
};

/** What has to be done for `language`, in its order. */
export function setupTexts(language: SetupLanguage, place: SetupPlace): readonly SetupText[] {
  return TEXTS[language](place);
}

export function languageOf(text: string | null): SetupLanguage {
  return SETUP_LANGUAGES.find((language) => language === text) ?? 'node';
}
