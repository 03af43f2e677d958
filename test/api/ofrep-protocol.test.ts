// Our OFREP answers as others read them: the official provider, the protocol's own schemas, a plain reader of its events.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { ErrorCode, type EvaluationContext, OpenFeature } from '@openfeature/server-sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { TenantryError } from '../../src/domain/errors.ts';
import type { BreakerFlag, DegradeFlag } from '../../src/domain/flags.ts';
import { ABSENT, bearer, OTHER, OWN } from '../support/api-harness.ts';
import { eventually, type StreamBench, startStreaming } from '../support/api-sse.ts';

/** open-feature/protocol, service/openapi.yaml, version 0.3.0. */
const PROTOCOL = fileURLToPath(new URL('../../../shared/data/ofrep/openapi.yaml', import.meta.url));

let api: StreamBench;
let token: string;
let port: number;
beforeEach(async () => {
  api = await startStreaming();
  token = api.ports.keys.issue(['flags']);
  port = (api.app.server.address() as AddressInfo).port;
});
afterEach(() => api.close());

const soon = () => ({ tenantId: OWN, reason: 'why', expiresAt: api.clock.now + 60_000 });
const degrade = () =>
  api.ports.flags.put<DegradeFlag>({ kind: 'degrade', id: 'd', feature: 'ai', step: 'warn', ...soon() });

function post(url: string, payload: object, headers: Record<string, string> = bearer(token)) {
  return api.app.inject({ method: 'POST', url: `/ofrep/v1/evaluate/flags${url}`, headers, payload });
}

describe('the official provider', () => {
  beforeEach(async () => {
    const headers = [['authorization', `Bearer ${token}`]] as [string, string][];
    await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: `http://127.0.0.1:${port}`, headers }));
  });
  afterEach(() => OpenFeature.close());

  test('evaluates every flag', async () => {
    degrade();
    api.ports.flags.put<BreakerFlag>({ kind: 'breaker', id: 'b', integration: 'stripe', state: 'open', ...soon() });
    const client = OpenFeature.getClient();
    const context = { targetingKey: OWN };
    expect(await client.getObjectValue('throttle', {}, context)).toMatchObject({ active: true });
    expect(await client.getStringDetails('degrade.ai', 'x', context)).toMatchObject({
      value: 'warn',
      reason: 'TARGETING_MATCH',
      flagMetadata: { id: 'd' },
    });
    expect(await client.getStringValue('breaker.stripe', 'x', context)).toBe('open');
    expect(await client.getStringValue('plan', 'x', context)).toBe('growth');
    expect(await client.getStringValue('placement', 'x', context)).toBe('pooled');
  });

  test('understands our errors', async () => {
    const client = OpenFeature.getClient();
    const asked = (key: string, context: EvaluationContext) => client.getStringDetails(key, 'mine', context);
    expect(await asked('nonsense', { targetingKey: OWN })).toMatchObject({ errorCode: ErrorCode.FLAG_NOT_FOUND });
    expect(await asked('plan', {})).toMatchObject({ errorCode: ErrorCode.TARGETING_KEY_MISSING });
    expect(await asked('plan', { targetingKey: '../x' })).toMatchObject({ errorCode: ErrorCode.INVALID_CONTEXT });
  });
});

describe('the protocol’s schemas', () => {
  type Json = Record<string, unknown>;
  const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;
  let schemas: Json | undefined;

  beforeAll(() => {
    if (!existsSync(PROTOCOL)) return;
    // The parser that @fastify/swagger installs.
    const yaml = createRequire(createRequire(import.meta.url).resolve('@fastify/swagger'))('yaml') as {
      parse: (text: string) => { components: { schemas: Json } };
    };
    schemas = yaml.parse(readFileSync(PROTOCOL, 'utf8')).components.schemas;
  });

  function validator(name: string): z.ZodType {
    // Its `oneOf` of value types overlap (an integer is a number, and the code default allows any object): what is meant
    // is that one of them fits.
    const text = JSON.stringify({ $ref: `#/$defs/${name}`, $defs: schemas })
      .replaceAll('#/components/schemas/', '#/$defs/')
      .replaceAll('"oneOf"', '"anyOf"');
    // zod knows no `not`, passes over properties of what is not said to be an object, and over required ones not listed.
    const revive = (key: string, value: unknown) => {
      if (key === 'not') return undefined;
      if (!isObject(value) || !('properties' in value || Array.isArray(value['required']))) return value;
      const required = Array.isArray(value['required']) ? (value['required'] as string[]) : [];
      const listed = Object.fromEntries(required.map((name) => [name, {}]));
      return { ...value, type: 'object', properties: { ...listed, ...(value['properties'] as Json | undefined) } };
    };
    return z.fromJSONSchema(JSON.parse(text, revive) as Json);
  }

  test('hold for single, bulk and failed evaluations', async (context) => {
    if (schemas === undefined) context.skip('../shared/data/ofrep is not here');
    degrade();
    const success = validator('serverEvaluationSuccess');
    for (const key of ['throttle', 'degrade.ai', 'breaker.stripe', 'plan', 'plan.features', 'placement']) {
      for (const targetingKey of [OWN, ABSENT]) {
        const answer = await post(`/${key}`, { context: { targetingKey } });
        expect([answer.statusCode, success.safeParse(answer.json()).error]).toEqual([200, undefined]);
      }
    }
    const bulk = validator('bulkEvaluationSuccess');
    expect(bulk.safeParse((await post('', { context: { targetingKey: OWN } })).json()).error).toBeUndefined();
    const stream = (await post('', { context: { targetingKey: OWN } })).json().eventStreams[0];
    expect(stream.url).toBeUndefined();
    expect(validator('eventStream').safeParse(stream).error).toBeUndefined();
    api.ports.plans.failure = new TenantryError('STORE_UNAVAILABLE', 'down');
    expect(bulk.safeParse((await post('', { context: { targetingKey: OWN } })).json()).error).toBeUndefined();
    const failure = validator('evaluationFailure');
    expect(failure.safeParse((await post('/plan', { context: {} })).json()).error).toBeUndefined();
    const missing = validator('flagNotFound');
    expect(missing.safeParse((await post('/none', { context: { targetingKey: OWN } })).json()).error).toBeUndefined();
  });

  test('would not hold for anything', (context) => {
    if (schemas === undefined) context.skip('../shared/data/ofrep is not here');
    expect(validator('serverEvaluationSuccess').safeParse({ key: 'x', reason: 'BECAUSE' }).success).toBe(false);
    expect(validator('bulkEvaluationSuccess').safeParse({ flags: [{ nokey: 1 }] }).success).toBe(false);
    expect(validator('sseEventData').safeParse({}).success).toBe(false);
    expect(validator('eventStream').safeParse({ type: 'sse', endpoint: { requestUri: 'x' } }).success).toBe(false);
  });
});

describe('the event stream', () => {
  const sockets: Socket[] = [];
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
  });

  /** The bytes of a GET, on a socket. */
  function listen(path: string, key = token): { text: () => string; closed: () => boolean } {
    let text = '';
    let isClosed = false;
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`);
    });
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('close', () => {
      isClosed = true;
    });
    socket.on('error', () => undefined);
    sockets.push(socket);
    return { text: () => text, closed: () => isClosed };
  }

  async function streamOf(tenant: string): Promise<string> {
    const answer = await post('', { context: { targetingKey: tenant } });
    return answer.json().eventStreams[0].endpoint.requestUri;
  }

  const eventsIn = (text: string) =>
    [...text.matchAll(/id: (\d+)\nevent: message\ndata: (.*)\n\n/g)].map(([, id, data]) => ({
      id: Number(id),
      ...JSON.parse(data ?? '{}'),
    }));

  test('is where the bulk answer says, and tells of this tenant’s changes alone', async () => {
    const stream = listen(await streamOf(OWN));
    await eventually(() => stream.text().includes(': connected'));
    expect(stream.text()).toMatch(/^HTTP\/1\.1 200 OK\r\n(.*\r\n)*content-type: text\/event-stream/im);
    api.commit(OTHER);
    const { revision } = api.commit(OWN);
    await eventually(() => eventsIn(stream.text()).length > 0);
    api.ports.flags.remove('flag-2');
    await eventually(() => eventsIn(stream.text()).length > 1);
    const lastModified = Math.floor(api.clock.now / 1_000);
    expect(eventsIn(stream.text())).toEqual([
      { id: revision, type: 'refetchEvaluation', lastModified },
      { id: revision + 1, type: 'refetchEvaluation', lastModified },
    ]);
  });

  test('tells when a flag runs out, which no revision does', async () => {
    const stream = listen(await streamOf(ABSENT));
    await eventually(() => stream.text().includes(': connected'));
    api.commit(ABSENT as typeof OWN, { expiresAt: api.clock.now + 30 });
    await eventually(() => eventsIn(stream.text()).length >= 1);
    api.clock.now += 31;
    await eventually(() => eventsIn(stream.text()).length >= 2);
    expect(eventsIn(stream.text()).length).toBe(2);
  });

  test('is closed to a key of another tenant, and ends with the server', async () => {
    const bound = api.ports.keys.issue(['flags'], OWN);
    const foreign = listen(`/ofrep/v1/events?targetingKey=${OTHER}`, bound);
    await eventually(() => foreign.text().includes('\r\n\r\n'));
    expect(foreign.text()).toContain('400 Bad Request');
    const own = listen(`/ofrep/v1/events?targetingKey=${OWN}`, bound);
    await eventually(() => own.text().includes(': connected'));
    const before = api.ports.flags.listenerCount;
    await api.app.close();
    await eventually(() => own.closed());
    expect(api.ports.flags.listenerCount).toBe(before - 1);
  });
});
