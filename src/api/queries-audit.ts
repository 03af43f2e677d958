import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AuditedStatement, QueryAuditReport, QueryAuditState } from '../domain/query-audit.ts';
import type { ApiContext } from './context.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import { staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import type { AuditedStatementItem, QueryAuditItem } from './queries-contract.ts';

const verdict = z
  .enum(['filtered', 'unfiltered', 'row_security', 'unknown'])
  .describe(
    'filtered: held to given tenants; row_security: by a policy of the database alone; unfiltered: by neither; unknown: it cannot be told',
  );
const count = z.number().min(0);

const statementSchema = z
  .object({
    user: z.string(),
    query: z.string().describe('Without values and comments'),
    calls: count,
    total_ms: count,
    rows: count,
    verdict: verdict.nullable().describe('The worst of its tables; null: it touches none with a tenant column'),
    tables: z.array(z.object({ table: z.string(), alias: z.string(), verdict, reason: z.string() })),
  })
  .meta({ id: 'AuditedStatement' });
const statements = z.array(statementSchema);

export const queryAuditListSchema = z
  .object({
    items: z.array(
      z
        .object({
          target: z.string().describe('Host, port and database'),
          checked_at: z.string(),
          problem: z.string().nullable().describe('Why the last look failed; null: it did not'),
          report: z
            .object({
              from: z.string().nullable().describe('Counts are of this interval; null: since the counters began'),
              to: z.string(),
              was_reset: z.boolean().describe('The counters were reset; what came before is missing'),
              forgotten: count.describe('How often the server has dropped its least used statements'),
              hidden: count.describe('Statements that the login may not see: it lacks pg_read_all_stats'),
              tables: z
                .array(z.object({ table: z.string(), row_security: z.enum(['off', 'enabled', 'forced']) }))
                .describe('Tables with a tenant column'),
              summary: z
                .object({ filtered: count, unfiltered: count, row_security: count, unknown: count, none: count })
                .describe('Statements by verdict; none: they touch no table with a tenant column'),
              findings: statements.describe('Unfiltered ones, then unknown ones, most time first'),
              top_by_time: statements,
              top_by_calls: statements,
              top_by_rows: statements,
            })
            .nullable()
            .describe('Of the last look that did not fail'),
        })
        .meta({ id: 'QueryAudit' }),
    ),
  })
  .meta({ id: 'QueryAuditList' });

function statementToWire({ totalMs, tables, ...rest }: AuditedStatement): AuditedStatementItem {
  return { ...rest, total_ms: totalMs, tables: tables.map((table) => ({ ...table })) };
}

function reportToWire(report: QueryAuditReport): NonNullable<QueryAuditItem['report']> {
  const { from, to, wasReset, forgotten, hidden, tables, summary, findings, top } = report;
  return {
    from: nullableTime(from),
    to: rfc3339(to),
    was_reset: wasReset,
    ...{ forgotten, hidden, summary },
    tables: tables.map(({ table, rowSecurity }) => ({ table, row_security: rowSecurity })),
    findings: findings.map(statementToWire),
    top_by_time: top.time.map(statementToWire),
    top_by_calls: top.calls.map(statementToWire),
    top_by_rows: top.rows.map(statementToWire),
  };
}

function auditToWire({ target, checkedAt, problem, report }: QueryAuditState): QueryAuditItem {
  return {
    target,
    checked_at: rfc3339(checkedAt),
    problem,
    report: report === null ? null : reportToWire(report),
  };
}

/** What the operator's own databases ran, and which statements do not keep tenants apart. */
export function queryAuditRoutes({ ports: { queryAudits } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/query-audit',
      schema: {
        operationId: 'listQueryAudits',
        tags: ['queries'],
        summary:
          "Statements of the operator's own PostgreSQL databases, and those on tenant tables without a tenant filter",
        querystring: noQuery,
        response: { 200: queryAuditListSchema },
      },
      handler: async (request) => ({ items: (await queryAudits.list(staffOf(request))).map(auditToWire) }),
    });
    done();
  };
}
