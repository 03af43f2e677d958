import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import type { ReportDataset, ReportFormat, ReportSchedule, ReportStep } from '../domain/report.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import type { ReportScheduleItem } from './contract.ts';
import { rfc3339 } from './convert.ts';
import { callerOf, narrowTo, noSuchTenant, ownTenantOf, staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import {
  exportQuery,
  newReportScheduleSchema,
  reportScheduleListSchema,
  reportScheduleSchema,
  statementQuery,
  usageExportQuery,
} from './reports-schemas.ts';
import { resolveWindow } from './time-range.ts';

const SUMMARIES: Readonly<Record<ReportDataset, string>> = {
  usage: 'What tenants used, as a file: one row a tenant, or a day or month of one',
  quotas: 'Quotas and how much of them is used, as a file',
  'ai-costs': 'What AI calls cost by tenant and model, as a file; an unknown cost is an empty cell, never 0',
  costs: 'What tenants cost by part, with the lines of nobody in particular, as a file',
  margins: 'Revenue, cost and margin by tenant, as a file; unknown is an empty cell',
};

const file = {
  description: 'The file',
  content: {
    'text/csv': { schema: z.string() },
    'application/json': { schema: z.array(z.record(z.string(), z.unknown())) },
    'application/vnd.apache.parquet': { schema: z.string().describe('Binary') },
  },
};

interface ExportQuery {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly format: ReportFormat;
  readonly step?: ReportStep | undefined;
  readonly tenant_id?: string | undefined;
}

/** Tables as files. */
export function exportRoutes({ ports: { reports }, now }: ApiContext): FastifyPluginCallbackZod {
  const send = async (dataset: ReportDataset, request: FastifyRequest, reply: FastifyReply, query: ExportQuery) => {
    const { actor } = callerOf(request);
    const window = resolveWindow(query, now());
    const tenantId = narrowTo(actor, query.tenant_id);
    const question = { dataset, window, step: query.step ?? 'total', tenantId };
    const { contentType, extension, content } = await reports.file(actor, question, query.format);
    const name = `tenantry-${dataset}-${rfc3339(window.from).slice(0, 10)}.${extension}`;
    return reply
      .header('content-disposition', `attachment; filename="${name}"`)
      .type(contentType)
      .send(content as never);
  };
  return (app, _options, done) => {
    app.get(
      '/v1/exports/usage',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'exportUsage',
          tags: ['reports'],
          summary: SUMMARIES.usage,
          querystring: usageExportQuery,
          response: { 200: file },
        },
      },
      async (request, reply) => send('usage', request, reply, request.query),
    );
    for (const dataset of ['quotas', 'ai-costs', 'costs', 'margins'] as const) {
      app.get(
        `/v1/exports/${dataset}`,
        {
          config: { errors: ['NOT_FOUND'] },
          schema: {
            operationId: `export${dataset.replace(/(?:^|-)([a-z])/g, (_match, letter: string) => letter.toUpperCase())}`,
            tags: ['reports'],
            summary: SUMMARIES[dataset],
            querystring: exportQuery,
            response: { 200: file },
          },
        },
        async (request, reply) => send(dataset, request, reply, request.query),
      );
    }
    done();
  };
}

/** The monthly statement of a tenant, to be read, printed or saved as PDF in a browser. */
export function statementRoutes({ ports: { reports }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/statements/:tenant_id',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'getStatement',
          tags: ['reports'],
          summary: 'The monthly statement of a tenant as a page that prints on A4',
          params: z.object({ tenant_id: z.string() }),
          querystring: statementQuery,
          response: { 200: { description: 'The page', content: { 'text/html': { schema: z.string() } } } },
        },
      },
      async (request, reply) => {
        const { actor } = callerOf(request);
        const tenantId = parseTenantId(request.params.tenant_id);
        const own = ownTenantOf(actor);
        if (tenantId === undefined || (own !== undefined && own !== tenantId)) throw noSuchTenant();
        const { month, audience } = request.query;
        if (
          audience === 'internal' &&
          !(actor.kind === 'staff' && (actor.role === 'admin' || actor.role === 'sales'))
        ) {
          throw new TenantryError('FORBIDDEN', 'Your role may not see what tenants cost and pay.', {
            hint: 'Ask for audience=customer.',
          });
        }
        const [year = 0, number = 0] = month.split('-').map(Number);
        const question = { tenantId, year, month: number, audience, now: now() };
        const { html, contentSecurityPolicy } = await reports.statement(actor, question);
        return reply
          .header('content-security-policy', contentSecurityPolicy)
          .type('text/html; charset=utf-8')
          .send(html);
      },
    );
    done();
  };
}

function scheduleToWire(schedule: ReportSchedule): ReportScheduleItem {
  const { id, name, dataset, format, step, period, timeZone, tenantId, host, lastDelivery } = schedule;
  return {
    ...{ id, name, dataset, format, step, period, host, tenant_id: tenantId, time_zone: timeZone },
    created_by: schedule.createdBy,
    created_at: rfc3339(schedule.createdAt),
    next_at: rfc3339(schedule.nextAt),
    last_delivery:
      lastDelivery === null
        ? null
        : {
            from: rfc3339(lastDelivery.window.from),
            to: rfc3339(lastDelivery.window.to),
            ...{ state: lastDelivery.state, attempts: lastDelivery.attempts, detail: lastDelivery.detail },
            ...{ rows: lastDelivery.rows, at: rfc3339(lastDelivery.at) },
          },
  };
}

/** Reports that are sent by webhook when their period has ended. */
export function reportScheduleRoutes({ ports: { reports }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/report-schedules',
      {
        schema: {
          operationId: 'listReportSchedules',
          tags: ['reports'],
          summary: 'Reports that are sent on a schedule, and what became of the last of each',
          querystring: noQuery,
          response: { 200: reportScheduleListSchema },
        },
      },
      async (request) => ({ items: (await reports.schedules(staffOf(request))).map(scheduleToWire) }),
    );
    app.post(
      '/v1/report-schedules',
      {
        config: { errors: ['CONFLICT'] },
        schema: {
          operationId: 'createReportSchedule',
          tags: ['reports'],
          summary: 'Have a report sent to a signed webhook whenever a day, week or month has ended',
          querystring: noQuery,
          body: newReportScheduleSchema,
          response: { 201: reportScheduleSchema },
        },
      },
      async (request, reply) => {
        const { time_zone: timeZone, tenant_id: asked, signing_secret: signingSecret, ...rest } = request.body;
        const schedule = { ...rest, timeZone, signingSecret, tenantId: parseTenantId(asked) ?? null };
        const made = await reports.createSchedule(staffOf(request), schedule, now());
        return reply.code(201).send(scheduleToWire(made));
      },
    );
    app.delete(
      '/v1/report-schedules/:id',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'deleteReportSchedule',
          tags: ['reports'],
          summary: 'Send this report no more',
          params: z.object({ id: z.string() }),
          querystring: noQuery,
          response: { 204: z.undefined().describe('It is gone') },
        },
      },
      async (request, reply) => {
        if (!(await reports.removeSchedule(staffOf(request), request.params.id))) {
          throw new TenantryError('NOT_FOUND', 'There is no report schedule with this id.', {
            hint: 'GET /v1/report-schedules lists them.',
          });
        }
        return reply.code(204).send();
      },
    );
    done();
  };
}
