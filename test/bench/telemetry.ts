import { encodeTraceRequest, type OtlpSpan, type OtlpTraceRequest } from '../support/otlp-proto.ts';
import { type AttributeInput, otlpSpan } from '../support/spans.ts';

export const SPANS_PER_REQUEST = 512;
export const TENANTS = 40;

const ROUTES = ['/orders/:id', '/orders', '/search', '/reports/:id/export', '/invoices', '/login'];
const QUERIES = [
  'SELECT id, total, state FROM orders WHERE id = $1',
  'SELECT id, name FROM customers WHERE id = $1',
  'UPDATE orders SET state = $1 WHERE id = $2',
  'INSERT INTO audit (actor, action) VALUES ($1, $2)',
];
const MODELS = ['gpt-4o-mini-2024-07-18', 'gpt-4o-2024-08-06', 'claude-3-5-haiku-20241022'];
const JOBS = ['render template', 'serialize answer', 'check permission', 'price basket'];
const SERVICES = ['shop-api', 'billing-api', 'search-api'];

/** Same numbers at every run: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface TelemetryOptions {
  readonly requests: number;
  /** Unix milliseconds; spans start within the second before. */
  readonly now: number;
  readonly spansPerRequest?: number;
  /** Share of traces that call a model; 0.2 unless given. */
  readonly modelShare?: number;
  /** Numbers other than the usual ones. */
  readonly seed?: number;
}

/**
 * Encoded OTLP requests as exporters of a busy SaaS batch them: one service a request, traces of one server span with
 * its database calls, internal work and, now and then, a call to a model; about 8 attributes and 380 bytes a span.
 */
export function telemetry(options: TelemetryOptions): Uint8Array[] {
  const { requests, now, spansPerRequest = SPANS_PER_REQUEST, modelShare = 0.2, seed = 42 } = options;
  const random = randomFrom(seed);
  return Array.from({ length: requests }, (_, index) => {
    const spans: OtlpSpan[] = [];
    while (spans.length < spansPerRequest) spans.push(...trace(random, now, modelShare));
    return encodeTraceRequest(requestOf(spans.slice(0, spansPerRequest), index));
  });
}

function requestOf(spans: OtlpSpan[], index: number): OtlpTraceRequest {
  const service = SERVICES[index % SERVICES.length] ?? '';
  const attributes = [
    { key: 'service.name', value: { string_value: service } },
    { key: 'service.version', value: { string_value: '1.42.0' } },
    { key: 'service.instance.id', value: { string_value: `${service}-${index % 8}` } },
    { key: 'telemetry.sdk.language', value: { string_value: 'nodejs' } },
  ];
  const scope = { name: '@opentelemetry/instrumentation-http', version: '0.223.0' };
  return { resource_spans: [{ resource: { attributes }, scope_spans: [{ scope, spans }] }] };
}

function trace(random: () => number, now: number, modelShare: number): OtlpSpan[] {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const whole = (below: number) => Math.floor(random() * below);
  const bytes = (length: number) => Uint8Array.from({ length }, () => 1 + whole(255));
  const traceId = bytes(16);
  const root = bytes(8);
  // Squared: a few tenants make most of the load.
  const tenant = { tenant_id: `tenant-${Math.floor(random() ** 2 * TENANTS)}`, 'tenant_id.source': 'jwt' };
  const start = now - whole(1_000);
  const failed = random() < 0.02;
  const route = pick(ROUTES);
  const method = random() < 0.7 ? 'GET' : 'POST';
  const durationMs = Math.exp(3 + 1.2 * (random() + random() + random() - 1.5));
  const span = (name: string, kind: number, share: number, attributes: AttributeInput, more: OtlpSpan): OtlpSpan =>
    otlpSpan({
      name,
      kind,
      start,
      durationMs: durationMs * share,
      attributes: { ...attributes, ...tenant },
      more: { trace_id: traceId, span_id: bytes(8), parent_span_id: root, ...more },
    });
  const spans = [
    span(
      `${method} ${route}`,
      2,
      1,
      {
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': failed ? 500 : 200,
        'url.path': route.replace(':id', String(whole(100_000))),
        'server.address': 'shop.example.com',
        'user_agent.original': 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
        'http.response.body.size': whole(20_000),
        'tenantry.cache.hits': whole(3),
      },
      { span_id: root, parent_span_id: new Uint8Array(), status: { code: failed ? 2 : 0 } },
    ),
  ];
  for (let calls = 1 + whole(3); calls > 0; calls -= 1) {
    const text = pick(QUERIES);
    spans.push(
      span(
        `${text.slice(0, 6)} shop`,
        3,
        0.3 * random(),
        {
          'db.system.name': 'postgresql',
          'db.namespace': 'shop',
          'db.operation.name': text.slice(0, 6),
          'db.query.text': text,
          'server.address': 'db.internal',
          'server.port': 5432,
        },
        {},
      ),
    );
  }
  spans.push(
    span(
      pick(JOBS),
      1,
      0.1,
      {
        'code.function.name': 'handle',
        'code.file.path': '/srv/app/src/handlers/orders.js',
        'code.line.number': whole(900),
        'thread.id': 1,
        'app.feature': 'checkout',
        'app.items': whole(20),
      },
      {},
    ),
  );
  if (random() < modelShare) {
    const model = pick(MODELS);
    spans.push(
      span(
        `chat ${model}`,
        3,
        0.8,
        {
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': model.startsWith('gpt') ? 'openai' : 'anthropic',
          'gen_ai.request.model': model,
          'gen_ai.response.model': model,
          'gen_ai.usage.input_tokens': 100 + whole(8_000),
          'gen_ai.usage.output_tokens': 10 + whole(800),
        },
        {},
      ),
    );
  }
  return spans;
}
