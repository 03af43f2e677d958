import type { WeaviateTarget } from '../../domain/storage-target.ts';
import type { Checkpoint, Collected, Collector } from './checkpoint.ts';
import { askJson, type HttpOptions } from './http-ask.ts';
import { countOf, listOf, objectOf, textOf } from './json-shape.ts';
import { type CountedPoints, FLOAT_BYTES, sizesOfPoints } from './vector-sizes.ts';

export interface WeaviateCollectorOptions {
  readonly target: WeaviateTarget;
  readonly apiKey: string | undefined;
  readonly http: Omit<HttpOptions, 'signal'>;
}

/** Objects by tenant in Weaviate: each tenant of a multi-tenant collection is a shard of its name. */
export class WeaviateCollector implements Collector {
  readonly #options: WeaviateCollectorOptions;

  constructor(options: WeaviateCollectorOptions) {
    this.#options = options;
  }

  async collect(_checkpoint: Checkpoint, signal: AbortSignal): Promise<Collected> {
    const { target } = this.#options;
    const schema = objectOf(await this.#ask('/v1/schema', signal), 'schema');
    const multiTenant = new Set(
      listOf(schema['classes'] ?? [], 'classes')
        .filter((one) => (one['multiTenancyConfig'] as { enabled?: unknown } | undefined)?.enabled === true)
        .map((one) => textOf(one['class'], 'class')),
    );
    const nodes = listOf(objectOf(await this.#ask('/v1/nodes?output=verbose', signal), 'answer')['nodes'], 'nodes');
    const wanted = new Set(target.collections);
    const bytesEach = target.dimensions * FLOAT_BYTES + target.objectBytes;
    // Every replica takes its place, so each shard of each node counts.
    const counted = nodes.flatMap((node) =>
      listOf(node['shards'] ?? [], 'shards').flatMap((shard): CountedPoints[] => {
        const collection = textOf(shard['class'], 'class');
        if (wanted.size > 0 && !wanted.has(collection)) return [];
        const tenant = multiTenant.has(collection) ? textOf(shard['name'], 'name') : undefined;
        return [{ tenant, points: countOf(shard['objectCount'] ?? 0, 'objectCount'), bytesEach }];
      }),
    );
    const progress = { stepsDone: 1, stepsTotal: 1, read: 2, of: 2, unit: 'answers' } as const;
    return { sizes: sizesOfPoints('weaviate', counted), progress, skipped: [] };
  }

  async #ask(path: string, signal: AbortSignal): Promise<unknown> {
    const { target, apiKey, http } = this.#options;
    const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    return askJson({ url: `${target.url.replace(/\/+$/, '')}${path}`, headers }, { ...http, signal });
  }
}
