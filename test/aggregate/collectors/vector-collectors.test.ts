import { afterEach, describe, expect, it } from 'vitest';
import type { Collector } from '../../../src/aggregate/collectors/checkpoint.ts';
import { PineconeCollector } from '../../../src/aggregate/collectors/pinecone-collector.ts';
import { QdrantCollector } from '../../../src/aggregate/collectors/qdrant-collector.ts';
import { WeaviateCollector } from '../../../src/aggregate/collectors/weaviate-collector.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { MemoryCheckpoint } from '../../support/storage-checkpoint.ts';
import { type JsonServer, startJsonServer } from '../../support/storage-vector-servers.ts';

let server: JsonServer;
const http = { sleep: async () => undefined };
const KEY = 'very-secret-key';
const ok = (json: unknown) => () => ({ status: 200, json });

afterEach(() => server.stop());

async function sizesOf(collector: Collector) {
  const { sizes } = await collector.collect(new MemoryCheckpoint(), new AbortController().signal);
  return Object.fromEntries(
    sizes.map(({ tenantId, bytes, objects, errorBytes }) => [tenantId, [bytes, objects, errorBytes]]),
  );
}

describe('Qdrant', () => {
  const info = (points: number, vectors: unknown) =>
    ok({
      result: { status: 'green', points_count: points, config: { params: { vectors, shard_number: 1 } } },
      status: 'ok',
    });
  const collector = (tenants: readonly string[] = []) =>
    new QdrantCollector({
      target: {
        ...{
          kind: 'qdrant',
          url: server.url,
          apiKeyRef: 'env:Q',
          collections: [],
          tenantKey: 'tenant_id',
          payloadBytes: 100,
        },
      },
      apiKey: KEY,
      tenants: async () => tenants as TenantId[],
      http,
    });

  it('counts points by facets, of single and named vectors; the rest belongs to nobody', async () => {
    server = await startJsonServer({
      'GET /collections': ok({ result: { collections: [{ name: 'docs' }, { name: 'chat logs' }] } }),
      'GET /collections/docs': info(110, { size: 1_536, distance: 'Cosine' }),
      'GET /collections/chat%20logs': info(5, {
        text: { size: 10, distance: 'Dot', datatype: 'float16' },
        image: { size: 7, distance: 'Dot', datatype: 'uint8' },
      }),
      'POST /collections/docs/facet': ok({
        result: {
          hits: [
            { value: 'acme', count: 70 },
            { value: 'globex', count: 30 },
          ],
        },
      }),
      'POST /collections/chat%20logs/facet': ok({ result: { hits: [{ value: 'acme', count: 5 }] } }),
    });
    const each = 1_536n * 4n + 100n;
    expect(await sizesOf(collector())).toEqual({
      acme: [70n * each + 5n * (20n + 7n + 100n), 75n, null],
      globex: [30n * each, 30n, null],
      '(unattributed)': [10n * each, 10n, null],
    });
    expect(server.seen.every(({ headers }) => headers['api-key'] === KEY)).toBe(true);
    expect(server.seen.find(({ path }) => path.endsWith('docs/facet'))?.body).toMatchObject({
      key: 'tenant_id',
      exact: true,
    });
  });

  it('counts tenant by tenant where the key has no index', async () => {
    server = await startJsonServer({
      'GET /collections': ok({ result: { collections: [{ name: 'docs' }] } }),
      'GET /collections/docs': info(9, { size: 1, distance: 'Cosine' }),
      'POST /collections/docs/facet': () => ({ status: 400, json: { status: { error: 'Index required' } } }),
      'POST /collections/docs/points/count': (body) => {
        const tenant = (body as { filter: { must: { match: { value: string } }[] } }).filter.must[0]?.match.value;
        return { status: 200, json: { result: { count: tenant === 'acme' ? 6 : 0 } } };
      },
    });
    expect(await sizesOf(collector(['acme', 'globex']))).toEqual({
      acme: [6n * 104n, 6n, null],
      '(unattributed)': [3n * 104n, 3n, null],
    });
  });

  it('does not count twice what a killed run has counted', async () => {
    server = await startJsonServer({
      'GET /collections': ok({ result: { collections: [{ name: 'docs' }] } }),
      'GET /collections/docs': info(1, { size: 1, distance: 'Cosine' }),
      'POST /collections/docs/facet': ok({ result: { hits: [{ value: 'acme', count: 1 }] } }),
    });
    const checkpoint = new MemoryCheckpoint();
    const { signal } = new AbortController();
    const once = await collector().collect(checkpoint, signal);
    expect((await collector().collect(checkpoint, signal)).sizes).toEqual(once.sizes);
    expect(server.seen.filter(({ path }) => path.endsWith('/facet'))).toHaveLength(1);
  });
});

describe('Pinecone', () => {
  it('counts records of namespaces that are named after tenants', async () => {
    server = await startJsonServer({
      'POST /describe_index_stats': ok({
        namespaces: {
          '': { vectorCount: 4 },
          'tenant-acme': { vectorCount: 50_000 },
          'tenant-globex': { vectorCount: 1 },
        },
        ...{ dimension: 1_024, indexFullness: 0.4, totalVectorCount: 50_005, metric: 'cosine', vectorType: 'dense' },
      }),
    });
    const collector = new PineconeCollector({
      target: {
        kind: 'pinecone',
        url: `${server.url}/`,
        apiKeyRef: 'env:P',
        pattern: 'tenant-{tenant_id}',
        metadataBytes: 4,
      },
      apiKey: KEY,
      http,
    });
    expect(await sizesOf(collector)).toEqual({
      acme: [50_000n * 4_100n, 50_000n, null],
      globex: [4_100n, 1n, null],
      '(unattributed)': [16_400n, 4n, null],
    });
    expect(server.seen[0]?.headers).toMatchObject({ 'api-key': KEY, 'x-pinecone-api-version': expect.any(String) });
  });
});

describe('Weaviate', () => {
  it('counts objects of the shards that are tenants, every replica', async () => {
    server = await startJsonServer({
      'GET /v1/schema': ok({
        classes: [
          { class: 'Docs', multiTenancyConfig: { enabled: true } },
          { class: 'Shared', multiTenancyConfig: { enabled: false } },
        ],
      }),
      'GET /v1/nodes?output=verbose': ok({
        nodes: [
          {
            name: 'node-0',
            shards: [
              { class: 'Docs', name: 'acme', objectCount: 10 },
              { class: 'Shared', name: 'x7Gk2', objectCount: 3 },
            ],
          },
          {
            name: 'node-1',
            shards: [
              { class: 'Docs', name: 'acme', objectCount: 10 },
              { class: 'Docs', name: 'globex' },
            ],
          },
          { name: 'node-2', shards: null },
        ],
      }),
    });
    const collector = new WeaviateCollector({
      target: {
        ...{ kind: 'weaviate', url: server.url, apiKeyRef: null, collections: [], dimensions: 768, objectBytes: 1_000 },
      },
      apiKey: undefined,
      http,
    });
    const each = 768n * 4n + 1_000n;
    expect(await sizesOf(collector)).toEqual({
      acme: [20n * each, 20n, null],
      '(unattributed)': [3n * each, 3n, null],
    });
    expect(server.seen[0]?.headers.authorization).toBeUndefined();
  });
});

describe('a service that answers what nobody expects', () => {
  const pinecone = () =>
    new PineconeCollector({
      target: { kind: 'pinecone', url: server.url, apiKeyRef: 'env:P', pattern: '{tenant_id}', metadataBytes: 0 },
      apiKey: KEY,
      http,
    });

  it.each([
    ['no JSON', 200, '<html>'],
    ['numbers that are none', 200, { dimension: 3, namespaces: { acme: { vectorCount: '7' } } }],
    ['negative counts', 200, { dimension: 3, namespaces: { acme: { vectorCount: -7 } } }],
    ['another shape', 200, []],
    ['a fault that stays', 500, {}],
    ['a redirect', 307, {}],
  ])('%s is an error without the key, and no guess', async (_what, status, json) => {
    server = await startJsonServer({ 'POST /describe_index_stats': () => ({ status, json }) });
    const error = await sizesOf(pinecone()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(String(error)).not.toContain(KEY);
  });

  it('401 is a refused key', async () => {
    server = await startJsonServer({ 'POST /describe_index_stats': () => ({ status: 401, json: {} }) });
    await expect(sizesOf(pinecone())).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(server.seen).toHaveLength(1);
  });
});
