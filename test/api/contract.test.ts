import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { METRIC_GROUPS } from '../../src/api/tenant-metrics.ts';
import { ERRORS } from '../../src/domain/errors.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OWN, startApi } from '../support/api-harness.ts';

type Json = Record<string, unknown>;

interface Operation {
  operationId: string;
  summary?: string;
  parameters?: { name: string; in: string; required?: boolean; schema: Json }[];
  requestBody?: { content: Record<string, { schema: Json }> };
  responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
}

interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Json>; securitySchemes: Json };
}

let api: ApiUnderTest;
let document: Document;

beforeAll(async () => {
  api = await startApi();
  document = (await api.app.inject('/openapi.json')).json();
});
afterAll(() => api.close());

function operations(): [string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
}

/** A validator made from the served document alone, with none of the schemas that the server itself checks by. */
function validatorOf(schema: Json): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/')));
}

function answerSchema(path: string, method: string, status: number, type = 'application/json'): Json {
  const schema = document.paths[path]?.[method]?.responses[status]?.content?.[type]?.schema;
  if (schema === undefined) throw new Error(`/openapi.json has no ${type} for ${status} of ${method} ${path}`);
  return schema;
}

test('every metric of the contract is served', () => {
  const parameters = document.paths['/v1/tenants/{id}/metrics']?.['get']?.parameters ?? [];
  const metrics = parameters.find(({ name }) => name === 'metric')?.schema['enum'];
  expect(metrics).toEqual(Object.keys(METRIC_GROUPS));
});

describe('/openapi.json', () => {
  test('is OpenAPI 3.1 of this version', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: 'Tenantry', version: '1.2.3' });
  });

  test('has a unique id, a summary and a described answer for every operation', () => {
    const all = operations();
    expect(all.length).toBeGreaterThan(15);
    expect(new Set(all.map(([, operation]) => operation.operationId)).size).toBe(all.length);
    for (const [name, operation] of all) {
      expect([name, operation.summary]).toEqual([name, expect.stringMatching(/./)]);
      const statuses = Object.keys(operation.responses);
      expect([name, statuses.some((status) => /^[23]/.test(status))]).toEqual([name, true]);
      for (const [status, answer] of Object.entries(operation.responses)) {
        expect([name, status, answer.description]).toEqual([name, status, expect.stringMatching(/[a-z]/i)]);
      }
    }
  });

  test('declares every parameter of a path, and a schema for each', () => {
    for (const [name, operation] of operations()) {
      const inPath = [...name.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect([name, declared.map((parameter) => parameter.name)]).toEqual([name, inPath]);
      for (const parameter of operation.parameters ?? []) expect(Object.keys(parameter.schema)).not.toEqual([]);
    }
  });

  test('documents the errors that every route may answer, as problems', () => {
    for (const [name, operation] of operations()) {
      const isOpen = (operation as { security?: unknown[] }).security?.length === 0;
      const expected = isOpen ? [400, 500] : [400, 401, 403, 500, 503, 504];
      expect([name, Object.keys(operation.responses).map(Number)]).toEqual([name, expect.arrayContaining(expected)]);
      for (const [status, answer] of Object.entries(operation.responses)) {
        if (Number(status) < 400) continue;
        const type = name.includes(' /scim/') ? 'application/scim+json' : 'application/problem+json';
        expect([name, status, Object.keys(answer.content ?? {})]).toEqual([name, status, [type]]);
        const codes = Object.entries(ERRORS).filter(([, error]) => error.status === Number(status));
        expect(codes.some(([code]) => answer.description.includes(code))).toBe(true);
      }
    }
  });

  test('has no reference without a target and no schema without a reference', () => {
    const text = JSON.stringify(document);
    const referred = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]));
    expect([...referred].sort()).toEqual(Object.keys(document.components.schemas).sort());
    expect(text.match(/"\$ref":"(?!#\/components\/schemas\/)/)).toBeNull();
  });

  /** What a body may be: the schema itself, each of several, each of a list. */
  function objectsIn(schema: Json): Json[] {
    const name = String(schema['$ref']).split('/').at(-1) ?? '';
    if ('$ref' in schema) return objectsIn(document.components.schemas[name] ?? {});
    const either = schema['anyOf'] ?? schema['oneOf'];
    if (Array.isArray(either)) return either.flatMap(objectsIn);
    // No body at all has no fields.
    if (schema['type'] === 'null') return [];
    return schema['type'] === 'array' ? objectsIn(schema['items'] as Json) : [schema];
  }

  test('refuses unknown fields in every body', () => {
    for (const [name, { requestBody }] of operations()) {
      const schema = requestBody?.content['application/json']?.schema;
      // Directories send more than is kept, and RFC 7644 has it passed over.
      if (schema === undefined || name.includes(' /scim/')) continue;
      const allowed = objectsIn(schema).map((target) => target['additionalProperties']);
      expect([name, [...new Set(allowed)]]).toEqual([name, [false]]);
    }
  });
});

describe('what the server answers is what /openapi.json says', () => {
  test.each([
    ['/v1/tenants', '/v1/tenants'],
    ['/v1/tenants/{id}/metrics', `/v1/tenants/${OWN}/metrics?metric=requests`],
    ['/v1/anomalies', '/v1/anomalies'],
    ['/v1/neighbors', '/v1/neighbors'],
    ['/v1/throttles', '/v1/throttles'],
    ['/v1/caps', '/v1/caps'],
    ['/v1/plan-caps', '/v1/plan-caps'],
    ['/v1/flags', '/v1/flags'],
    ['/v1/keys', '/v1/keys'],
    ['/v1/whoami', '/v1/whoami'],
    ['/healthz', '/healthz'],
    ['/readyz', '/readyz'],
  ])('GET %s', async (path, url) => {
    const answer = await api.app.inject({ url, headers: bearer(ADMIN_TOKEN) });
    expect(answer.statusCode).toBe(200);
    const validator = validatorOf(answerSchema(path, 'get', 200));
    expect(validator.safeParse(answer.json()).error).toBeUndefined();
    // The validator really looks: without its first field the same answer is refused.
    const [first = '', ...rest] = Object.entries(answer.json());
    expect(validator.safeParse(Object.fromEntries(rest)).success).toBe(first === '');
  });

  test('POST answers and errors', async () => {
    const payload = {
      tenant_id: OWN,
      limit: { requests_per_second: 1, burst: 1 },
      mode: 'shadow',
      expires_in_seconds: 60,
      reason: 'test',
    };
    const send = (body: object) =>
      api.app.inject({ method: 'POST', url: '/v1/throttles', headers: bearer(ADMIN_TOKEN), payload: body });
    const created = validatorOf(answerSchema('/v1/throttles', 'post', 201));
    expect(created.safeParse((await send(payload)).json()).error).toBeUndefined();
    const refused = validatorOf(answerSchema('/v1/throttles', 'post', 400, 'application/problem+json'));
    expect(refused.safeParse((await send({ ...payload, mode: 'x' })).json()).error).toBeUndefined();
    expect(refused.safeParse({ title: 'no code' }).success).toBe(false);
    const asked = validatorOf(
      document.paths['/v1/throttles']?.['post']?.requestBody?.content['application/json']?.schema ?? {},
    );
    expect(asked.safeParse(payload).error).toBeUndefined();
    expect(asked.safeParse({ ...payload, extra: 1 }).success).toBe(false);
  });

  test.each<['post' | 'put', string, string, number, object]>([
    ['post', '/v1/keys', '/v1/keys', 201, { name: 'checkout', scopes: ['ingest'], expires_in_seconds: 60 }],
    ['post', '/v1/sign-in-links', '/v1/sign-in-links', 201, { role: 'viewer', tenant_id: OWN }],
    [
      'put',
      '/v1/caps/{tenant_id}',
      `/v1/caps/${OWN}`,
      200,
      { period: 'day', amount_micro: 5, currency: 'USD', key: 'bob', ladder: [{ percent: 80, step: 'blocked' }] },
    ],
    ['put', '/v1/plan-caps/{plan}', '/v1/plan-caps/growth', 200, { period: 'month', amount_micro: 5, currency: 'USD' }],
    ['put', '/v1/tenants/{id}/plan', `/v1/tenants/${OWN}/plan`, 200, { plan: null }],
  ])('%s %s', async (method, path, url, status, payload) => {
    const asked = validatorOf(document.paths[path]?.[method]?.requestBody?.content['application/json']?.schema ?? {});
    expect(asked.safeParse(payload).error).toBeUndefined();
    expect(asked.safeParse({ ...payload, extra: 1 }).success).toBe(false);
    const upper = method === 'post' ? 'POST' : 'PUT';
    const answer = await api.app.inject({ method: upper, url, headers: bearer(ADMIN_TOKEN), payload });
    expect(answer.statusCode).toBe(status);
    const validator = validatorOf(answerSchema(path, method, status));
    expect(validator.safeParse(answer.json()).error).toBeUndefined();
    expect(validator.safeParse({}).success).toBe(false);
  });

  test('OFREP evaluations', async () => {
    const send = (path: string) =>
      api.app.inject({
        method: 'POST',
        url: path,
        headers: bearer(ADMIN_TOKEN),
        payload: { context: { targetingKey: OWN } },
      });
    const bulk = validatorOf(answerSchema('/ofrep/v1/evaluate/flags', 'post', 200));
    expect(bulk.safeParse((await send('/ofrep/v1/evaluate/flags')).json()).error).toBeUndefined();
    const single = validatorOf(answerSchema('/ofrep/v1/evaluate/flags/{key}', 'post', 200));
    expect(single.safeParse((await send('/ofrep/v1/evaluate/flags/throttle')).json()).error).toBeUndefined();
  });
});
