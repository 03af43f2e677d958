import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanKind } from '@opentelemetry/api';
import { buildSchema, execute, parse, validate } from 'graphql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createTenantry,
  fromHeader,
  type GraphqlOptions,
  graphqlApolloPlugin,
  graphqlExecute,
  graphqlMarker,
} from '../../src/middleware/index.ts';
import { withTenantry } from '../../src/middleware/node-http.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

const schema = buildSchema('type Query { orders: [String!]! } type Mutation { pay(id: ID!): Boolean! }');
const rootValue = { orders: () => ['a'], pay: () => true };

let tracing: TestTracing;
let server: Server;
let url: string;

interface Body {
  readonly query: string;
  readonly operationName?: string;
}

async function start(options: GraphqlOptions = {}): Promise<void> {
  const run = graphqlExecute(execute, options);
  const handler = withTenantry(
    async (request, response) => {
      let text = '';
      for await (const chunk of request) text += String(chunk);
      const { query, operationName } = JSON.parse(text) as Body;
      const document = parse(query);
      const errors = validate(schema, document);
      const result = errors.length > 0 ? { errors } : await run({ schema, document, operationName, rootValue });
      response.end(JSON.stringify(result));
    },
    {
      tenantry: createTenantry({ serviceName: 'shop', flags: false }),
      sources: [fromHeader('x-tenant')],
      route: () => '/graphql',
    },
  );
  server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
}

async function ask(...bodies: readonly Body[]) {
  for (const body of bodies) {
    await (await fetch(url, { method: 'POST', headers: { 'x-tenant': 'acme' }, body: JSON.stringify(body) })).text();
  }
  for (;;) {
    const spans = (await tracing.flush()).filter((span) => span.kind === SpanKind.SERVER);
    if (spans.length >= bodies.length) return spans;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const routes = (spans: Awaited<ReturnType<typeof ask>>) => spans.map((span) => span.attributes['http.route']);

beforeAll(() => {
  tracing = startTestTracing();
});
afterAll(() => tracing.stop());
beforeEach(async () => {
  await tracing.flush();
  tracing.exporter.reset();
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

describe('a GraphQL request', () => {
  it('has the route of its operation', async () => {
    await start();
    const both = 'query GetOrders { orders } mutation Pay { pay(id: 1) }';
    const spans = await ask(
      { query: 'query GetOrders { orders }' },
      { query: both, operationName: 'Pay' },
      { query: '{ orders }' },
    );
    expect(spans.map((span) => [span.name, span.attributes['graphql.operation.type']])).toEqual([
      ['POST /graphql#GetOrders', 'query'],
      ['POST /graphql#Pay', 'mutation'],
      ['POST /graphql#(anonymous)', 'query'],
    ]);
    expect(spans.map((span) => span.attributes['graphql.operation.name'])).toEqual(['GetOrders', 'Pay', undefined]);
    for (const span of spans) expect(span.attributes['tenant_id']).toBe('acme');
  });

  it('keeps the plain route when no operation runs', async () => {
    await start();
    const both = 'query A { orders } query B { orders }';
    const spans = await ask(
      { query: 'query Invalid { nothing }' },
      { query: both },
      { query: both, operationName: 'C' },
      { query: 'fragment F on Query { orders }' },
    );
    expect(routes(spans)).toEqual(['/graphql', '/graphql', '/graphql', '/graphql']);
  });

  it('cannot make up more than so many routes, nor long ones, nor any where the operations are known', async () => {
    await start({ maxOperations: 2 });
    const names = ['A', 'x'.repeat(101), 'B', 'C', 'A'];
    expect(routes(await ask(...names.map((name) => ({ query: `query ${name} { orders }` }))))).toEqual(
      ['A', '(other)', 'B', '(other)', 'A'].map((name) => `/graphql#${name}`),
    );
    server.close();
    tracing.exporter.reset();
    await start({ operations: ['GetOrders'], path: '/api/graphql' });
    const known = await ask({ query: 'query GetOrders { orders }' }, { query: 'query Junk { orders }' });
    expect(routes(known)).toEqual(['/api/graphql#GetOrders', '/api/graphql#(other)']);
    expect(known[1]?.attributes).not.toHaveProperty('graphql.operation.name');
  });
});

describe('the marker', () => {
  beforeEach(() => start());

  it('survives whatever it is given, and requests without a span', async () => {
    const mark = graphqlMarker();
    for (const document of [
      undefined,
      null,
      {},
      { definitions: [null] },
      { definitions: [{ kind: 'OperationDefinition' }] },
    ]) {
      expect(() => mark(document as never, 'A')).not.toThrow();
    }
    expect(() => mark(parse('query A { orders }'))).not.toThrow();
    const plugin = await graphqlApolloPlugin().requestDidStart();
    await expect(plugin.didResolveOperation({ document: parse('{ orders }') })).resolves.toBeUndefined();
    await expect(plugin.didResolveOperation({})).resolves.toBeUndefined();
  });
});
