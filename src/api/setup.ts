import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { KEY_HEADER } from '../domain/attributes.ts';
import type { ApiContext } from './context.ts';
import { rfc3339 } from './convert.ts';
import { noQuery } from './parameters.ts';
import type { SetupBody } from './setup-contract.ts';

const count = z.int().min(0);

export const setupSchema = z
  .object({
    otlp_http_port: z.int().nullable().describe('null: no ingest process has told'),
    otlp_grpc_port: z.int().nullable().describe('null: no ingest process has told'),
    local_only: z.boolean().describe("Only programs on the server's own machine reach it"),
    key_header: z.string().describe('Takes the key where "authorization" cannot be set'),
    tenant_attributes: z.array(z.string()).describe('Looked for on spans, then on resources, in this order'),
    without_key: count.describe('Requests that were refused for want of a valid key since ingest started'),
    services: z
      .array(
        z.object({
          service: z.string(),
          last_seen: z.string(),
          spans: count.describe('Of the last day'),
          attributed: count,
          example_tenant: z.string().nullable(),
        }),
      )
      .describe('Those that were seen last come first'),
  })
  .meta({ id: 'Setup' });

/** What an exporter has to be told, and which services have sent something. */
export function setupRoutes({ ports: { setup } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/setup',
      {
        schema: {
          operationId: 'getSetup',
          tags: ['ingest'],
          summary: 'Where telemetry is taken, and which services have sent some, with a tenant or without',
          querystring: noQuery,
          response: { 200: setupSchema },
        },
      },
      async (): Promise<SetupBody> => {
        const { otlpHttpPort, otlpGrpcPort, isLocalOnly, tenantAttributes, withoutKey, services } = await setup.look();
        return {
          ...{
            otlp_http_port: otlpHttpPort,
            otlp_grpc_port: otlpGrpcPort,
            local_only: isLocalOnly,
            key_header: KEY_HEADER,
          },
          ...{ tenant_attributes: [...tenantAttributes], without_key: withoutKey },
          services: services.map(({ lastAt, exampleTenant, ...rest }) => ({
            ...{ ...rest, last_seen: rfc3339(lastAt), example_tenant: exampleTenant },
          })),
        };
      },
    );
    done();
  };
}
