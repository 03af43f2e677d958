import { TenantryError } from '../../domain/errors.ts';
import type { QdrantTarget } from '../../domain/storage-target.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { Checkpoint, Collected, Collector } from './checkpoint.ts';
import { askJson, type HttpOptions } from './http-ask.ts';
import { countOf, type Json, listOf, objectOf, textOf } from './json-shape.ts';
import { type CountedPoints, FLOAT_BYTES, sizesOfPoints } from './vector-sizes.ts';

export interface QdrantCollectorOptions {
  readonly target: QdrantTarget;
  readonly apiKey: string | undefined;
  /** Tenants to ask for one by one where the collection cannot list them. */
  readonly tenants: () => Promise<readonly TenantId[]>;
  readonly http: Omit<HttpOptions, 'signal'>;
}

/** Facets are counted in one answer; a collection with more tenants is asked tenant by tenant. */
const MOST_FACETS = 20_000;
const BYTES_OF_TYPE: Readonly<Record<string, number>> = { float32: FLOAT_BYTES, float16: 2, uint8: 1 };

/** Points by tenant in Qdrant's collections, by facets of the payload key, or by counting with a filter. */
export class QdrantCollector implements Collector {
  readonly #options: QdrantCollectorOptions;

  constructor(options: QdrantCollectorOptions) {
    this.#options = options;
  }

  async collect(checkpoint: Checkpoint, signal: AbortSignal): Promise<Collected> {
    const names = await this.#collections(signal);
    const counted: CountedPoints[] = [];
    for (const [index, name] of names.entries()) {
      const step = `collection ${name}`;
      const saved = (await checkpoint.load(step)) as CountedPoints[] | undefined;
      const points = saved ?? (await this.#count(name, signal));
      if (saved === undefined) await checkpoint.save(step, points);
      counted.push(...points);
      await checkpoint.progress(progressOf(index + 1, names.length));
    }
    return { sizes: sizesOfPoints('qdrant', counted), progress: progressOf(names.length, names.length), skipped: [] };
  }

  async #collections(signal: AbortSignal): Promise<readonly string[]> {
    const { collections } = this.#options.target;
    if (collections.length > 0) return collections;
    const result = objectOf(await this.#ask('GET', '/collections', undefined, signal), 'result');
    return listOf(result['collections'], 'collections').map(({ name }) => textOf(name, 'name'));
  }

  async #count(name: string, signal: AbortSignal): Promise<CountedPoints[]> {
    const path = `/collections/${encodeURIComponent(name)}`;
    const info = objectOf(await this.#ask('GET', path, undefined, signal), 'result');
    const all = countOf(info['points_count'], 'points_count');
    const params = objectOf(objectOf(info['config'], 'config')['params'], 'params');
    const bytesEach = vectorBytes(params['vectors']) + this.#options.target.payloadBytes;
    const tenants = (await this.#facets(path, signal)) ?? (await this.#oneByOne(path, signal));
    const known = tenants.reduce((sum, { points }) => sum + points, 0);
    const rest = { tenant: undefined, points: Math.max(0, all - known) };
    return [...tenants, rest].map((each) => ({ ...each, bytesEach }));
  }

  /** Undefined: the key has no payload index, the server is too old for facets, or there are too many tenants. */
  async #facets(path: string, signal: AbortSignal): Promise<Omit<CountedPoints, 'bytesEach'>[] | undefined> {
    const body = { key: this.#options.target.tenantKey, limit: MOST_FACETS, exact: true };
    const answer = await this.#ask('POST', `${path}/facet`, body, signal).catch((error: unknown) => {
      if (error instanceof TenantryError && ['NOT_FOUND', 'STORE_UNAVAILABLE'].includes(error.code)) return undefined;
      throw error;
    });
    if (answer === undefined) return undefined;
    const hits = listOf(objectOf(answer, 'result')['hits'], 'hits');
    if (hits.length >= MOST_FACETS) return undefined;
    return hits.map(({ value, count }) => ({ tenant: String(value), points: countOf(count, 'count') }));
  }

  async #oneByOne(path: string, signal: AbortSignal): Promise<Omit<CountedPoints, 'bytesEach'>[]> {
    const { tenantKey: key } = this.#options.target;
    const counted: Omit<CountedPoints, 'bytesEach'>[] = [];
    for (const tenant of await this.#options.tenants()) {
      const body = { filter: { must: [{ key, match: { value: tenant } }] }, exact: true };
      const result = objectOf(await this.#ask('POST', `${path}/points/count`, body, signal), 'result');
      counted.push({ tenant, points: countOf(result['count'], 'count') });
    }
    return counted;
  }

  async #ask(method: 'GET' | 'POST', path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const { target, apiKey, http } = this.#options;
    const headers = apiKey === undefined ? {} : { 'api-key': apiKey };
    const url = `${target.url.replace(/\/+$/, '')}${path}`;
    const answer = await askJson(
      { url, method, headers, ...(body === undefined ? {} : { body }) },
      { ...http, signal },
    );
    return objectOf(answer, 'answer')['result'];
  }
}

function progressOf(done: number, of: number) {
  return { stepsDone: done, stepsTotal: of, read: done, of, unit: 'answers' } as const;
}

/** One vector, or several by name; sparse ones take what their points have, which nobody tells. */
function vectorBytes(vectors: unknown): number {
  if (vectors === undefined || vectors === null) return 0;
  const shape = objectOf(vectors, 'vectors');
  const all: readonly Json[] = 'size' in shape ? [shape] : Object.values(shape).map((one) => objectOf(one, 'vectors'));
  return all.reduce((sum, { size, datatype }) => {
    return sum + countOf(size, 'size') * (BYTES_OF_TYPE[String(datatype)] ?? FLOAT_BYTES);
  }, 0);
}
