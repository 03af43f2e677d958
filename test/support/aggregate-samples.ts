/** A made-up past of five tenants, what it looks like as OTLP, and the figures that it must add up to. */
import { DAY_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { otlpSum } from './metrics.ts';
import type { AttributeInput, SpanInput } from './spans.ts';

/** Twelve days that end two minutes before now, so that hours and days of every alignment lie inside. */
export const END = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 2 * MINUTE_MS;
export const START = END - 12 * DAY_MS;
export const TENANTS = ['acme', 'bolt', 'Acme-2', 'o.brien:1', '42'];

export interface Sample {
  readonly tenant: string;
  readonly at: number;
  readonly durationMs: number;
  readonly error: boolean;
  readonly tokens: number;
  readonly model: string;
}

/** A fixed stream of pseudo-random numbers (mulberry32), so that a failure can be repeated. */
function randomStream(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const random = randomStream(7);
export const samples: Sample[] = Array.from({ length: 4_000 }, () => ({
  tenant: TENANTS[Math.floor(random() ** 2 * TENANTS.length)] ?? 'acme',
  at: START + Math.floor(random() * 12 * DAY_MS),
  durationMs: Math.exp(random() * 6),
  error: random() < 0.1,
  tokens: Math.floor(random() * 5_000),
  model: random() < 0.8 ? 'gpt-4o' : 'model-nobody-knows',
}));

export function spansOf(sample: Sample): SpanInput[] {
  const tenant_id = sample.tenant;
  return [
    {
      kind: 2,
      start: sample.at,
      durationMs: sample.durationMs,
      attributes: {
        tenant_id,
        'http.request.method': 'GET',
        'http.route': '/r',
        'http.response.status_code': sample.error ? 500 : 200,
        'tenantry.cache.hits': 1,
      },
    },
    {
      kind: 3,
      start: sample.at,
      durationMs: 2,
      attributes: { tenant_id, 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT' },
    },
    {
      kind: 3,
      start: sample.at,
      attributes: {
        tenant_id,
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.response.model': sample.model,
        'gen_ai.usage.input_tokens': sample.tokens,
        'gen_ai.usage.output_tokens': 10,
      },
    },
    { start: sample.at, attributes: random() < 0.5 ? { tenant_id } : {} },
  ];
}

/** CPU, event loop and network of each sample's request, ended in the sample's minute, and as much garbage collection. */
export function useOf(list: readonly Sample[]) {
  const points = (measure: (sample: Sample) => number, attributes: AttributeInput = {}) =>
    list.map((sample) => ({
      at: sample.at + 1,
      value: measure(sample),
      attributes: { tenant_id: sample.tenant, ...attributes },
    }));
  const received = points(({ tokens }) => tokens, { 'network.io.direction': 'receive' });
  const sent = points(({ tokens }) => 3 * tokens, { 'network.io.direction': 'transmit' });
  return [
    otlpSum('tenantry.cpu.time', 's', [
      ...points(cpuOf),
      ...list.map((sample) => ({
        at: sample.at + 1,
        value: 10 * cpuOf(sample),
        attributes: { tenant_id: '(unattributed)' },
      })),
    ]),
    otlpSum(
      'tenantry.cpu.samples',
      '{sample}',
      points(() => 4),
    ),
    otlpSum(
      'tenantry.event_loop.time',
      's',
      points((sample) => cpuOf(sample) / 2),
    ),
    otlpSum('tenantry.network.io', 'By', [...received, ...sent]),
  ];
}

/** Seconds, with digits that a sum of floats would lose. */
export function cpuOf(sample: Sample): number {
  return Math.round(sample.durationMs * 1e6) / 1e9;
}

export function expectedFigures(window: { from: number; to: number }) {
  const from = Math.floor(window.from / MINUTE_MS) * MINUTE_MS;
  const to = Math.ceil(window.to / MINUTE_MS) * MINUTE_MS;
  const inside = samples.filter(({ at }) => at >= from && at < to);
  return new Map(
    TENANTS.map((tenant) => {
      const own = inside.filter((sample) => sample.tenant === tenant);
      const durations = own.map(({ durationMs }) => durationMs).toSorted((left, right) => left - right);
      return [
        tenant,
        {
          requests: own.length,
          errors: own.filter(({ error }) => error).length,
          db_calls: own.length,
          cache_hits: own.length,
          ai_calls: own.length,
          ai_input_tokens: own.reduce((sum, { tokens }) => sum + tokens, 0),
          ai_output_tokens: 10 * own.length,
          ai_unpriced_calls: own.filter(({ model }) => model !== 'gpt-4o').length,
          cpu_seconds: own.reduce((sum, sample) => sum + Math.round(cpuOf(sample) * 1e9), 0) / 1e9,
          cpu_error_ratio: 1 / Math.sqrt(4 * own.length),
          p95: durations[Math.floor(0.95 * (durations.length - 1))],
        },
      ];
    }),
  );
}
