/**
 * The middleware never breaks a request: a fault at every point where it does something, in every adapter. Each must
 * leave status and body as they are without the middleware, call the handler once, and be counted.
 */
import { context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  createTenantry,
  currentTenant,
  fromHeader,
  fromResolver,
  type GateOptions,
  recordCacheLookup,
  runAsTenant,
  type Tenantry,
  TenantSpanProcessor,
} from '../../src/middleware/index.ts';
import { withTenantry } from '../../src/middleware/node-http.ts';
import { ADAPTERS, type AppParts } from '../support/middleware-adapters.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

const broken = (): never => {
  throw new Error('injected');
};
const FAULTS: Record<string, (tenantry: Tenantry) => { options: Partial<GateOptions>; undo?: () => void }> = {
  'a source throws': () => ({ options: { sources: [fromResolver(broken)] } }),
  'a source rejects': () => ({ options: { sources: [fromResolver(async () => broken())] } }),
  'a source never answers': () => ({
    options: { sources: [fromResolver(() => new Promise(() => undefined))], identifyTimeoutMs: 20 },
  }),
  'a source gives an object': () => ({
    options: { sources: [fromResolver(() => ({ tenantId: {} }) as never)], requireTenant: false },
  }),
  'a source gives a trap': () => ({
    options: {
      sources: [
        fromResolver(
          () =>
            ({
              get tenantId() {
                return broken();
              },
            }) as never,
        ),
      ],
    },
  }),
  'a source is none': () => ({ options: { sources: [undefined, null, {}] as never } }),
  'the sources are no list': () => ({ options: { sources: undefined as never } }),
  'admit throws': (tenantry) => ({ options: { tenantry: { ...tenantry, admit: broken } } }),
  'admit gives nothing': (tenantry) => ({
    options: { tenantry: { ...tenantry, admit: () => undefined as never } },
  }),
  'the counters throw': (tenantry) => ({
    options: { tenantry: { ...tenantry, count: broken, admit: broken } },
  }),
  'the context manager throws': () => {
    const spy = vi.spyOn(context, 'with').mockImplementation(broken);
    return { options: {}, undo: () => spy.mockRestore() };
  },
  'the active context cannot be read': () => {
    const spy = vi.spyOn(context, 'active').mockImplementation(broken);
    return { options: {}, undo: () => spy.mockRestore() };
  },
  'the active span cannot be read': () => {
    const spy = vi.spyOn(trace, 'getSpan').mockImplementation(broken);
    return { options: {}, undo: () => spy.mockRestore() };
  },
};

/** The parts of the app that are not asked for here. */
const NOTHING: AppParts = {
  echo: broken,
  order: broken,
  stream: broken,
  fault: new Error('of the app'),
  onError: () => undefined,
  require: {},
};

const swallowed = (tenantry: Tenantry) =>
  Object.entries(tenantry.stats())
    .filter(([name]) => /failed|malformed|timeout/.test(name))
    .reduce((sum, [, count]) => sum + count, 0);

// No http instrumentation here: the faults injected into the OpenTelemetry API would hit it before the middleware.
let tracing: TestTracing;
beforeAll(() => {
  tracing = startTestTracing({ http: false });
});
afterAll(() => tracing.stop());
afterEach(() => vi.restoreAllMocks());

describe.each(Object.entries(FAULTS))('when %s', (name, inject) => {
  const set = () => {
    const tenantry = createTenantry({ serviceName: 'shop', flags: false });
    const { options, undo } = inject(tenantry);
    return {
      tenantry,
      options: { tenantry, sources: [fromHeader('x-tenant')], requireTenant: true, ...options },
      undo,
    };
  };
  const check = async (url: string, handler: () => number, tenantry: Tenantry, undo?: () => void) => {
    const before = swallowed(tenantry);
    const answers: [number, string][] = [];
    for (let i = 0; i < 5; i++) {
      const response = await fetch(`${url}/echo`, {
        method: 'POST',
        headers: { 'x-tenant': 'acme' },
        body: `body ${i}`,
      });
      answers.push([response.status, await response.text()]);
    }
    undo?.();
    expect(answers).toEqual([0, 1, 2, 3, 4].map((i) => [200, `echo body ${i}`]));
    expect(handler()).toBe(5);
    if (name !== 'the counters throw') expect(swallowed(tenantry) - before).toBeGreaterThanOrEqual(5);
  };

  it.each(ADAPTERS)('$name answers as if it were not there', async (adapter) => {
    const { tenantry, options, undo } = set();
    let calls = 0;
    const echo = async (body: string) => {
      calls += 1;
      return `echo ${body}`;
    };
    const app = await adapter.start(options, { ...NOTHING, echo });
    await check(app.url, () => calls, tenantry, undo);
    await app.close();
  });
});

describe('spans', () => {
  it('that refuse attributes are counted, not thrown at the app', () => {
    const tenantry = createTenantry({ serviceName: 'shop', flags: false });
    const before = tenantry.stats();
    const span = { isRecording: () => true, setAttributes: broken, setAttribute: broken, kind: SpanKind.SERVER };
    const processor = new TenantSpanProcessor();
    runAsTenant('acme', () => processor.onStart(span as unknown as Span, context.active()));
    context.with(trace.setSpan(context.active(), span as unknown as Span), () => recordCacheLookup(true));
    const after = tenantry.stats();
    expect(after.span_stamp_failed - before.span_stamp_failed).toBe(1);
    expect(after.cache_record_failed - before.cache_record_failed).toBe(1);
  });

  it('that refuse attributes cost their request neither its tenant nor its throttle', async () => {
    const tenantry = createTenantry({ serviceName: 'shop', flags: false });
    const refusing = { ...tenantry, admit: () => ({ allowed: false, retryAfterSeconds: 3, flagId: 'f1' }) };
    const span = { isRecording: () => true, setAttributes: broken, setAttribute: broken, spanContext: broken };
    const metadata = { type: 'http', span };
    const key = Symbol.for('OpenTelemetry SDK Context Key RPC_METADATA');
    const inside = context.active().setValue(key, metadata);
    const seen: unknown[] = [];
    const ask = (use: Tenantry) =>
      context.with(inside, () =>
        withTenantry(() => seen.push(currentTenant()?.tenantId), {
          tenantry: use,
          sources: [fromHeader('x-tenant')],
          route: () => '/orders',
        })(
          { headers: { 'x-tenant': 'acme' }, url: '/', method: 'GET' } as never,
          { once: () => undefined, writeHead: (status: number) => seen.push(status), end: () => undefined } as never,
        ),
      );
    ask(tenantry);
    ask(refusing);
    expect(seen).toEqual(['acme', 429]);
  });

  it('that are nonsense do not stop the processor', () => {
    const processor = new TenantSpanProcessor();
    expect(() => processor.onStart(undefined as never, undefined as never)).not.toThrow();
    expect(() => processor.onEnd(null)).not.toThrow();
  });
});

describe('runAsTenant', () => {
  it('runs the work even for a malformed id, for nobody, and counts it', () => {
    const tenantry = createTenantry({ serviceName: 'shop', flags: false });
    const before = tenantry.stats().tenant_malformed;
    const result = runAsTenant('acme', () => runAsTenant('../beta', () => 'done'));
    expect(result).toBe('done');
    expect(tenantry.stats().tenant_malformed - before).toBe(1);
  });
});
