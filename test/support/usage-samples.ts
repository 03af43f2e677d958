/** A made-up past of several tenants, what it looks like as OTLP, and the usage that it must add up to. */
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { UsageKey, UsageMetric } from '../../src/domain/usage.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Window } from '../../src/domain/window.ts';
import type { TestClickHouse } from './embedded-clickhouse.ts';
import { metricsSegmentOf, otlpMetrics, otlpSum } from './metrics.ts';
import { type AttributeInput, otlpRequest, otlpSpan, type SpanInput, segmentOf } from './spans.ts';

/** Far enough back that the past is over, and within what minute rollups keep. */
export const USAGE_END = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 7 * MINUTE_MS;
export const USAGE_START = USAGE_END - 4 * DAY_MS;
/** More than a double can tell apart from its neighbours. */
const HUGE_BYTES = 9_007_199_254_740_993n;

interface UsageSample {
  readonly tenant: string;
  readonly service: string;
  readonly at: number;
  readonly span: SpanInput;
  /** What it adds, in the units of the domain. */
  readonly adds: Partial<Record<UsageMetric, bigint>>;
}

/** CPU time of a tenant in a service, as the middleware reports it. */
interface CpuSample {
  readonly tenant: string;
  readonly service: string;
  readonly at: number;
  readonly ns: bigint;
}

const MS = 1_000_000n;

function stream(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

type Kind = 'request' | 'query' | 'model' | 'rerank' | 'integration';

/** What each service measures: `web` everything but rows, `batch` queries with rows alone. */
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  web: ['request', 'request', 'query', 'model', 'rerank', 'integration'],
  batch: ['query'],
};

function sampleOf(kind: Kind, tenant: string, service: string, at: number, random: () => number): UsageSample {
  const durationMs = 1 + Math.floor(random() * 400);
  const time = BigInt(durationMs) * MS;
  const made = (span: Omit<SpanInput, 'start' | 'durationMs'>, adds: UsageSample['adds']): UsageSample => ({
    tenant,
    service,
    at,
    span: { ...span, start: at, durationMs, attributes: { tenant_id: tenant, ...span.attributes } },
    adds: { ...adds, spans: 1n },
  });
  if (kind === 'request') {
    const failed = random() < 0.2;
    const huge = random() < 0.05;
    const hits = Math.floor(random() * 3);
    const bytes = huge ? HUGE_BYTES : BigInt(Math.floor(random() * 10_000));
    return made(
      {
        kind: 2,
        attributes: {
          'http.route': '/orders',
          'http.response.status_code': failed ? 500 : 200,
          'http.response.body.size': String(bytes),
          'tenantry.cache.hits': hits,
          'tenantry.cache.misses': 1,
        },
      },
      {
        requests: 1n,
        errors: failed ? 1n : 0n,
        busy_ns: time,
        response_bytes: bytes,
        cache_hits: BigInt(hits),
        cache_misses: 1n,
      },
    );
  }
  if (kind === 'query') {
    const rows = Math.floor(random() * 500);
    const attributes: AttributeInput = { 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT' };
    const measuresRows = service === 'batch';
    return made(
      { kind: 3, attributes: measuresRows ? { ...attributes, 'db.response.returned_rows': rows } : attributes },
      {
        db_calls: 1n,
        db_ns: time,
        db_slow_calls: durationMs >= 200 ? 1n : 0n,
        ...(measuresRows ? { db_rows: BigInt(rows) } : {}),
      },
    );
  }
  if (kind === 'integration') {
    const outcome = ['ok', 'error', 'refused', 'aborted'][Math.floor(random() * 4)] ?? 'ok';
    return made(
      { kind: 3, attributes: { 'tenantry.integration': 'stripe', 'tenantry.integration.outcome': outcome } },
      {
        integration_calls: outcome === 'refused' ? 0n : 1n,
        integration_errors: outcome === 'error' ? 1n : 0n,
      },
    );
  }
  const tokens = Math.floor(random() * 3_000);
  const usage: AttributeInput =
    kind === 'rerank'
      ? { 'gen_ai.operation.name': 'rerank', 'tenantry.ai.search_units': 3 }
      : { 'gen_ai.operation.name': 'chat', 'gen_ai.usage.input_tokens': tokens, 'gen_ai.usage.output_tokens': 7 };
  return made(
    { kind: 3, attributes: { 'gen_ai.request.model': 'some-model', ...usage } },
    kind === 'rerank'
      ? { ai_calls: 1n, ai_search_units: 3n }
      : { ai_calls: 1n, ai_input_tokens: BigInt(tokens), ai_output_tokens: 7n },
  );
}

export interface UsagePast {
  readonly samples: readonly UsageSample[];
  readonly cpu: readonly CpuSample[];
}

/** `acme` uses both services, `bolt` only `web`, `crane` only `batch`; CPU time is reported by `web` for `acme` alone. */
export function usagePast(count: number, seed = 11): UsagePast {
  const random = stream(seed);
  const samples = Array.from({ length: count }, () => {
    const [tenant, service] = (
      [
        ['acme', 'web'],
        ['acme', 'web'],
        ['acme', 'batch'],
        ['bolt', 'web'],
        ['crane', 'batch'],
      ] as const
    )[Math.floor(random() * 5)] ?? ['acme', 'web'];
    const kinds = KINDS[service] ?? [];
    const kind = kinds[Math.floor(random() * kinds.length)] ?? 'query';
    const at = USAGE_START + Math.floor(random() * (USAGE_END - USAGE_START));
    return sampleOf(kind, tenant, service, at, random);
  });
  const cpu = samples
    .filter(({ tenant, service }) => tenant === 'acme' && service === 'web')
    .map(({ tenant, service, at }) => ({ tenant, service, at, ns: BigInt(1 + Math.floor(random() * 1e9)) }));
  return { samples, cpu };
}

/** Puts the past in, a segment a day, as it would have come. */
export async function insertUsage(store: TestClickHouse, { samples, cpu }: UsagePast): Promise<void> {
  const dayOf = (at: number) => Math.floor(at / DAY_MS);
  for (const day of new Set(samples.map(({ at }) => dayOf(at)))) {
    const receivedAt = (day + 1) * DAY_MS;
    const ofDay = samples.filter(({ at }) => dayOf(at) === day);
    const services = [...new Set(ofDay.map(({ service }) => service))];
    const requests = services.map((service) =>
      otlpRequest(
        ofDay.filter((sample) => sample.service === service).map(({ span }) => otlpSpan(span)),
        { 'service.name': service },
      ),
    );
    await store.insert(segmentOf(requests, { receivedAt }), `usage-${day}`);
    const points = cpu
      .filter(({ at }) => dayOf(at) === day)
      .map(({ at, tenant, ns }) => ({ at: at + 1, value: Number(ns) / 1e9, attributes: { tenant_id: tenant } }));
    const metrics = metricsSegmentOf(
      [otlpMetrics([otlpSum('tenantry.cpu.time', 's', points)], { 'service.name': 'web' })],
      { receivedAt },
    );
    await store.insert(metrics, `usage-cpu-${day}`, 'metrics');
  }
}

/** The sums of one tenant over a window, of what was sent. */
export function usageSent({ samples, cpu }: UsagePast, tenant: string, window: Window): Map<UsageKey, bigint> {
  const sums = new Map<UsageKey, bigint>();
  const add = (metric: UsageKey, value: bigint) => sums.set(metric, (sums.get(metric) ?? 0n) + value);
  const isInside = (at: number) => at >= window.from && at < window.to;
  for (const sample of samples) {
    if (sample.tenant !== tenant || !isInside(sample.at)) continue;
    for (const [metric, value] of Object.entries(sample.adds)) add(metric as UsageKey, value);
  }
  for (const sample of cpu) if (sample.tenant === tenant && isInside(sample.at)) add('cpu_ns', sample.ns);
  return sums;
}

export const tenantId = (text: string) => text as TenantId;
