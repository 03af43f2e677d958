import { randomUUID } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../src/demo/random.ts';
import { RESOURCE_METRICS } from '../../src/domain/resource-metrics.ts';
import { otlpMetrics, otlpSum } from './metrics.ts';
import { encodeMetricsRequest } from './otlp-metrics-proto.ts';
import { encodeTraceRequest } from './otlp-proto.ts';
import { type AttributeInput, otlpRequest, otlpSpan } from './spans.ts';

export const KILL_TENANTS = ['acme', 'globex', 'initech', 'umbrella', 'hooli', 'stark', 'wayne', 'tyrell'] as const;

/** What a tenant's acknowledged requests hold; what the store must have of each. */
export interface Sent {
  spans: number;
  requests: number;
  dbCalls: number;
  aiCalls: number;
  cacheHits: number;
  inputTokens: number;
  points: number;
  cpuNs: number;
}

export function nothingSent(): Sent {
  return { spans: 0, requests: 0, dbCalls: 0, aiCalls: 0, cacheHits: 0, inputTokens: 0, points: 0, cpuNs: 0 };
}

interface Batch {
  readonly path: '/v1/traces' | '/v1/metrics';
  readonly body: Uint8Array;
  readonly tenant: string;
  readonly holds: Partial<Sent>;
}

/** What OTLP lets a client send again; 0: the connection broke before the answer. */
const RETRYABLE = [0, 429, 502, 503, 504];
const FIRST_BACKOFF_MS = 10;
const LAST_BACKOFF_MS = 100;
const CLIENT_TIMEOUT_MS = 10_000;

/** A client as OTLP wants it: the same bytes again, after a while, until there is an answer that ends it. */
export class KillSender {
  readonly sent = new Map<string, Sent>(KILL_TENANTS.map((tenant) => [tenant, nothingSent()]));
  /** Requests that were sent again after a lost answer or a refusal. */
  again = 0;
  acknowledged = 0;
  /** Of every answer; 0: there was none. */
  readonly statuses = new Set<number>();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #port: () => number;
  readonly #key: string;
  readonly #random: Random;
  #running = true;

  constructor(options: { readonly port: () => number; readonly key: string; readonly random: Random }) {
    this.#port = options.port;
    this.#key = options.key;
    this.#random = options.random;
  }

  /** Sends until `stop`, and then until the last request has its answer. */
  async run(pauseMs: number): Promise<void> {
    while (this.#running) {
      const batch = this.#random() < 0.05 ? metricsBatch(this.#random) : spanBatch(this.#random);
      await this.#deliver(batch);
      await delay(this.#random() * 2 * pauseMs);
    }
    this.#agent.destroy();
  }

  stop(): void {
    this.#running = false;
  }

  async #deliver(batch: Batch): Promise<void> {
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, LAST_BACKOFF_MS)) {
      const status = await this.#post(batch);
      this.statuses.add(status);
      if (status === 200) break;
      if (!RETRYABLE.includes(status)) throw new Error(`a good request was answered ${status}`);
      this.again += 1;
      await delay(backoffMs * (0.5 + this.#random()));
    }
    this.acknowledged += 1;
    const sums = this.sent.get(batch.tenant) ?? nothingSent();
    for (const [name, value] of Object.entries(batch.holds) as [keyof Sent, number][]) sums[name] += value;
  }

  #post({ path, body }: Batch): Promise<number> {
    return new Promise((resolve) => {
      const request = httpRequest(
        {
          ...{ host: '127.0.0.1', port: this.#port(), method: 'POST', path, agent: this.#agent },
          timeout: CLIENT_TIMEOUT_MS,
          headers: {
            'content-type': 'application/x-protobuf',
            'x-tenantry-key': this.#key,
            'content-length': body.length,
          },
        },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.complete ? (response.statusCode ?? 0) : 0));
          response.on('error', () => resolve(0));
          response.on('close', () => resolve(0));
        },
      );
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(0));
      request.end(body);
    });
  }
}

function anyTenant(random: Random): string {
  return KILL_TENANTS[Math.floor(random() * KILL_TENANTS.length)] ?? KILL_TENANTS[0];
}

/** Spans of every kind that a rollup counts. */
function spanBatch(random: Random): Batch {
  const tenant = anyTenant(random);
  const count = 1 + Math.floor(random() * 12);
  const holds = nothingSent();
  const spans = Array.from({ length: count }, () => {
    const kind = Math.floor(random() * 4);
    holds.spans += 1;
    const tokens = Math.floor(random() * 1_000);
    const attributes: AttributeInput = {
      ...[
        { 'http.request.method': 'GET', 'http.route': '/orders/:id', 'http.response.status_code': 200 },
        { 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT' },
        {
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': 'openai',
          'gen_ai.request.model': 'gpt-4o',
          'gen_ai.usage.input_tokens': tokens,
        },
        { 'tenantry.cache.hits': 3 },
      ][kind],
      tenant_id: tenant,
    };
    if (kind === 0) holds.requests += 1;
    if (kind === 1) holds.dbCalls += 1;
    if (kind === 2) {
      holds.aiCalls += 1;
      holds.inputTokens += tokens;
    }
    if (kind === 3) holds.cacheHits += 3;
    return otlpSpan({ kind: [2, 3, 3, 1][kind] ?? 1, start: Date.now(), durationMs: 1 + random() * 50, attributes });
  });
  return { path: '/v1/traces', body: encodeTraceRequest(otlpRequest(spans)), tenant, holds };
}

function metricsBatch(random: Random): Batch {
  const tenant = anyTenant(random);
  const { name, unit } = RESOURCE_METRICS.cpuTime;
  const value = (1 + Math.floor(random() * 1_000)) / 1_000;
  // Two equal points of one millisecond would be one request sent twice.
  const points = [{ at: Date.now(), value, attributes: { tenant_id: tenant, 'test.id': randomUUID() } }];
  const body = encodeMetricsRequest(otlpMetrics([otlpSum(name, unit, points)]));
  return { path: '/v1/metrics', body, tenant, holds: { points: 1, cpuNs: Math.round(value * 1_000) * 1_000_000 } };
}
