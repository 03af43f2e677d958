import fastifySwagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import {
  type FastifyPluginCallbackZod,
  jsonSchemaTransform,
  jsonSchemaTransformObject,
} from 'fastify-type-provider-zod';
import { z } from 'zod';
import { KEY_HEADER } from '../domain/attributes.ts';
import { SESSION_COOKIE } from './authenticate.ts';
import { noQuery } from './parameters.ts';

type OpenApiDocument = ReturnType<typeof jsonSchemaTransformObject>;

const SCHEMA_REF = /"#\/components\/schemas\/([^"]+)"/g;

function schemasNamedIn(value: unknown): string[] {
  return [...JSON.stringify(value).matchAll(SCHEMA_REF)].flatMap((match) => match[1] ?? []);
}

/**
 * The transform lists every schema twice, as it is read and as it is written; kept are those that some route refers
 * to, and one that is only ever read loses its `Input`.
 */
function tidy(document: OpenApiDocument): OpenApiDocument {
  if (!('components' in document)) return document;
  const all: Readonly<Record<string, unknown>> = { ...document.components?.schemas };
  const used = new Set<string>();
  const waiting = schemasNamedIn(document.paths);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (used.has(name)) continue;
    used.add(name);
    waiting.push(...schemasNamedIn(all[name]));
  }
  const nameOf = (name: string) => {
    const short = name.replace(/Input$/, '');
    return used.has(short) ? name : short;
  };
  const schemas = Object.fromEntries([...used].sort().map((name) => [nameOf(name), all[name]]));
  const text = JSON.stringify({ ...document, components: { ...document.components, schemas } });
  return JSON.parse(text.replace(SCHEMA_REF, (_match, name: string) => `"#/components/schemas/${nameOf(name)}"`));
}

/** Collects every route that is registered after this call. */
export function collectOpenApi(app: FastifyInstance, version: string): void {
  app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tenantry',
        version,
        description:
          'Per-tenant performance, usage and cost. Times are RFC 3339, intervals half-open [from, to), money integer ' +
          'micro-units. Every error is an RFC 9457 problem with a stable code.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      tags: ['tenants', 'anomalies', 'throttles', 'flags', 'ofrep', 'keys', 'identity', 'health'].map((name) => ({
        name,
      })),
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'A token (JWT), the admin token, or a key' },
          key: { type: 'apiKey', in: 'header', name: KEY_HEADER, description: 'A key with the right scope' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: SESSION_COOKIE,
            description: 'Changes also need the header "x-tenantry-csrf: 1"',
          },
        },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => tidy(jsonSchemaTransformObject(document)),
  });
}

export function openApiRoutes(): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/openapi.json',
      schema: {
        operationId: 'getOpenApi',
        tags: ['health'],
        summary: 'This description',
        querystring: noQuery,
        response: { 200: z.record(z.string(), z.unknown()) },
      },
      handler: async () => ({ ...app.swagger() }),
    });
    done();
  };
}
