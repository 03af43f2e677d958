import type { PineconeTarget } from '../../domain/storage-target.ts';
import type { Checkpoint, Collected, Collector } from './checkpoint.ts';
import { askJson, type HttpOptions } from './http-ask.ts';
import { countOf, objectOf } from './json-shape.ts';
import { tenantPattern } from './tenant-pattern.ts';
import { FLOAT_BYTES, sizesOfPoints } from './vector-sizes.ts';

export interface PineconeCollectorOptions {
  readonly target: PineconeTarget;
  readonly apiKey: string;
  readonly http: Omit<HttpOptions, 'signal'>;
}

const API_VERSION = '2025-04';

/** Records by tenant in a Pinecone index, whose namespaces are named after tenants. */
export class PineconeCollector implements Collector {
  readonly #options: PineconeCollectorOptions;

  constructor(options: PineconeCollectorOptions) {
    this.#options = options;
  }

  async collect(_checkpoint: Checkpoint, signal: AbortSignal): Promise<Collected> {
    const { target, apiKey, http } = this.#options;
    const pattern = tenantPattern(target.pattern);
    const url = `${target.url.replace(/\/+$/, '')}/describe_index_stats`;
    const headers = { 'api-key': apiKey, 'x-pinecone-api-version': API_VERSION };
    const answer = objectOf(await askJson({ url, method: 'POST', headers, body: {} }, { ...http, signal }), 'answer');
    // Sparse indexes have no dimension.
    const dimensions = answer['dimension'] === undefined ? 0 : countOf(answer['dimension'], 'dimension');
    const bytesEach = dimensions * FLOAT_BYTES + target.metadataBytes;
    const counted = Object.entries(objectOf(answer['namespaces'] ?? {}, 'namespaces')).map(([name, stats]) => ({
      tenant: pattern.tenantOf(name),
      points: countOf(objectOf(stats, 'namespace')['vectorCount'], 'vectorCount'),
      bytesEach,
    }));
    const progress = { stepsDone: 1, stepsTotal: 1, read: 1, of: 1, unit: 'answers' } as const;
    return { sizes: sizesOfPoints('pinecone', counted), progress, skipped: [] };
  }
}
