import type { FastifyReply } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { SqlAnswer } from '../domain/sql.ts';
import type { ApiContext } from './context.ts';
import { personOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import type { SqlResult } from './sql-contract.ts';

const MAX_SQL_LENGTH = 20_000;
const MAX_ROWS = 10_000;
const DEFAULT_ROWS = 1_000;

const scalar = z.union([z.string().max(10_000), z.number(), z.boolean()]);
export const sqlBodySchema = z
  .strictObject({
    sql: z.string().min(1).max(MAX_SQL_LENGTH).describe("One SELECT in ClickHouse's SQL"),
    params: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'must be a name'),
        z.union([scalar, z.null(), z.array(scalar).max(1_000)]),
      )
      .optional()
      .describe('Values of {name:Type}, bound by the database and never part of the text'),
    max_rows: z.int().min(1).max(MAX_ROWS).optional().describe(`Default ${DEFAULT_ROWS}`),
    format: z.enum(['json', 'csv']).optional().describe('Default json'),
  })
  .meta({ id: 'SqlBody' });

const column = z.object({ name: z.string(), type: z.string().describe("ClickHouse's") });
const count = z.number().min(0);

export const sqlResultSchema = z
  .object({
    columns: z.array(column),
    rows: z
      .array(z.array(z.unknown()))
      .describe('Integers of 64 bits and more and decimals are texts, so that no digit is lost'),
    row_count: z.int().min(0),
    truncated: z.boolean().describe('There are more rows than these'),
    elapsed_ms: count,
    rows_read: count,
    bytes_read: count,
  })
  .meta({ id: 'SqlResult' });

export const sqlTableListSchema = z
  .object({ items: z.array(z.object({ name: z.string(), columns: z.array(column) }).meta({ id: 'SqlTableItem' })) })
  .meta({ id: 'SqlTableList' });

function resultToWire({ columns, rows, truncated, elapsedMs, rowsRead, bytesRead }: SqlAnswer): SqlResult {
  return {
    columns: columns.map((one) => ({ ...one })),
    rows: rows.map((row) => [...row]),
    row_count: rows.length,
    ...{ truncated, elapsed_ms: elapsedMs, rows_read: rowsRead, bytes_read: bytesRead },
  };
}

/**
 * Aborted when the caller hangs up, and when the answer is out. Not `request.signal`: with a body that is aborted as soon as
 * the body has been read (seen on fastify 5.12 with Node 20).
 */
function untilClosed({ raw }: FastifyReply): AbortSignal {
  const closed = new AbortController();
  raw.once('close', () => closed.abort());
  return closed.signal;
}

/** Questions that no page asks. A caller who hangs up ends the statement. */
export function sqlRoutes({ ports: { sql } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.post(
      '/v1/sql',
      {
        config: { errors: ['SQL_REFUSED', 'NOT_SUPPORTED_HERE'] },
        schema: {
          operationId: 'runSql',
          tags: ['sql'],
          summary: 'Runs one statement that reads, within limits of time, memory and rows; every run is recorded',
          querystring: noQuery,
          body: sqlBodySchema,
          response: {
            200: {
              description: 'The rows; as CSV, x-tenantry-truncated tells whether there are more',
              content: { 'application/json': { schema: sqlResultSchema }, 'text/csv': { schema: z.string() } },
            },
          },
        },
      },
      async (request, reply) => {
        const { sql: text, params = {}, max_rows: maxRows = DEFAULT_ROWS, format = 'json' } = request.body;
        const run = { sql: text, params, maxRows, signal: untilClosed(reply) };
        const answer = await sql.run(personOf(request), run);
        reply.header('cache-control', 'no-store');
        if (format === 'json') return resultToWire(answer);
        return reply
          .header('content-disposition', 'attachment; filename="tenantry-sql.csv"')
          .header('x-tenantry-truncated', String(answer.truncated))
          .type('text/csv; charset=utf-8')
          .send(sql.csv(answer) as never);
      },
    );
    app.get(
      '/v1/sql/tables',
      {
        config: { errors: ['NOT_SUPPORTED_HERE'] },
        schema: {
          operationId: 'listSqlTables',
          tags: ['sql'],
          summary: 'The tables and columns that statements may ask',
          querystring: noQuery,
          response: { 200: sqlTableListSchema },
        },
      },
      async (request) => ({
        items: (await sql.tables(personOf(request))).map(({ name, columns }) => ({
          name,
          columns: columns.map((one) => ({ ...one })),
        })),
      }),
    );
    done();
  };
}
