import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  NO_RETENTION,
  RETENTION_LEVELS,
  type RetentionDays,
  type RetentionLevel,
  type RetentionRun,
  SHORTEST_DAYS,
} from '../domain/retention.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import { callerOf, narrowTo, noSuchTenant, staffOf } from './guard.ts';
import type { TenantRetentionStanding } from './lifecycle-ports.ts';
import type { RetentionDaysItem, RetentionRunItem, TenantRetentionItem } from './lifecycle-retention-contract.ts';
import { noQuery } from './parameters.ts';
import { planName } from './plans-schemas.ts';

const MOST_DAYS = 36_600;
const daysFrom = (level: RetentionLevel) => z.int().min(SHORTEST_DAYS[level]).max(MOST_DAYS).nullable().exactOptional();

export const newRetentionSchema = z
  .strictObject({
    spans_days: daysFrom('spans'),
    points_days: daysFrom('points').describe('Data points of metrics'),
    minutes_days: daysFrom('minutes').describe('Minute rollups'),
    hours_days: daysFrom('hours').describe('Hour rollups and usage events; quotas and forecasts read them'),
    days_days: daysFrom('days').describe('Day rollups; costs are shared out by them'),
  })
  .describe('Days; null or absent: as the plan or the installation has it, which is never exceeded')
  .meta({ id: 'NewRetention' });

const daysSchema = {
  ...{ spans_days: z.int().nullable(), points_days: z.int().nullable(), minutes_days: z.int().nullable() },
  ...{ hours_days: z.int().nullable(), days_days: z.int().nullable() },
};
const byLevel = <Value extends z.ZodType>(value: Value) =>
  z.object({ spans: value, points: value, minutes: value, hours: value, days: value });

const tenantRetentionSchema = z
  .object({
    tenant_id: z.string(),
    plan: z.string().nullable(),
    levels: byLevel(z.object({ days: z.int(), source: z.enum(['installation', 'plan', 'tenant']) })),
    own: z.object(daysSchema).describe('What is said of the tenant itself'),
    legal_hold: z
      .boolean()
      .nullable()
      .describe(
        "While it stands nothing is removed before the installation's own time; null for the tenant's own people",
      ),
  })
  .meta({ id: 'TenantRetention' });

const retentionRunSchema = z
  .object({
    ...{ id: z.string(), state: z.enum(['asked', 'running', 'done', 'failed']), asked_by: z.string() },
    ...{ started_at: z.string(), finished_at: z.string().nullable(), tenants: z.int(), tables_total: z.int() },
    ...{ tables_done: z.int(), rows_removed: z.number(), problem: z.string().nullable() },
  })
  .meta({ id: 'RetentionRun' });

const retentionOverviewSchema = z
  .object({
    installation: byLevel(z.int()),
    shortest: byLevel(z.int()).describe('Less than this cannot be said'),
    plans: z.array(z.object({ plan: z.string(), ...daysSchema })),
    tenants: z.array(tenantRetentionSchema).describe('Those for whom something else holds than for the installation'),
    runs: z.array(retentionRunSchema).describe('Newest first'),
    hour: z.int().describe('Of the day in UTC, at which the daily run begins'),
    next_run_at: z.string(),
  })
  .meta({ id: 'RetentionOverview' });

const planRetentionSchema = z.object({ plan: z.string(), ...daysSchema }).meta({ id: 'PlanRetention' });

/** Levels that are said, of a body. */
export function retentionOf(body: z.infer<typeof newRetentionSchema>): RetentionDays {
  const said = RETENTION_LEVELS.map((level) => [level, body[`${level}_days`] ?? null] as const);
  return { ...NO_RETENTION, ...Object.fromEntries(said) };
}

function daysToWire(days: RetentionDays): RetentionDaysItem {
  return {
    ...{ spans_days: days.spans, points_days: days.points, minutes_days: days.minutes },
    ...{ hours_days: days.hours, days_days: days.days },
  };
}

function standingToWire(standing: TenantRetentionStanding, isOwn: boolean): TenantRetentionItem {
  const { tenantId, plan, levels, own, legalHold } = standing;
  return { tenant_id: tenantId, plan, levels, own: daysToWire(own), legal_hold: isOwn ? null : legalHold };
}

function runToWire(run: RetentionRun): RetentionRunItem {
  return {
    ...{ id: run.id, state: run.state, asked_by: run.askedBy, started_at: rfc3339(run.startedAt) },
    ...{ finished_at: nullableTime(run.finishedAt), tenants: run.tenants, tables_total: run.tablesTotal },
    ...{ tables_done: run.tablesDone, rows_removed: run.rowsRemoved, problem: run.problem },
  };
}

function tenantOf(text: string): TenantId {
  const tenantId = parseTenantId(text);
  if (tenantId === undefined) throw noSuchTenant();
  return tenantId;
}

/** How long what tenants sent is kept, and the runs that take it away. */
export function retentionRoutes(context: ApiContext): FastifyPluginCallbackZod {
  const {
    ports: {
      lifecycle: { retention },
    },
    now,
  } = context;
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/retention',
      schema: {
        operationId: 'getRetention',
        tags: ['retention'],
        summary: 'How long telemetry is kept, for whom otherwise, and what the runs that remove it did',
        querystring: noQuery,
        response: { 200: retentionOverviewSchema },
      },
      handler: async (request) => {
        const { installation, plans, tenants, runs, hour, nextRunAt } = await retention.overview(
          staffOf(request),
          now(),
        );
        return {
          ...{ installation, shortest: SHORTEST_DAYS, hour, next_run_at: rfc3339(nextRunAt) },
          plans: plans.map(({ plan, days }) => ({ plan, ...daysToWire(days) })),
          tenants: tenants.map((tenant) => standingToWire(tenant, false)),
          runs: runs.map(runToWire),
        };
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/retention/runs',
      config: { errors: ['CONFLICT'] },
      schema: {
        operationId: 'runRetention',
        tags: ['retention'],
        summary: 'Remove what was kept long enough now, and not at the daily hour',
        querystring: noQuery,
        // A tenant named here would be believed to bound the run, and it is of all of them.
        body: z.strictObject({}).nullish(),
        response: { 202: retentionRunSchema },
      },
      handler: async (request, reply) => reply.code(202).send(runToWire(await retention.run(staffOf(request)))),
    });
    app.register(retentionOwnerRoutes(context));
    done();
  };
}

function retentionOwnerRoutes({ ports: { lifecycle } }: ApiContext): FastifyPluginCallbackZod {
  const { retention } = lifecycle;
  const ofTenant = async (tenantId: TenantId, isOwn: boolean) => {
    const standing = await retention.ofTenant(tenantId);
    if (standing === undefined) throw noSuchTenant();
    return standingToWire(standing, isOwn);
  };
  return (app, _options, done) => {
    app.route({
      method: 'PUT',
      url: '/v1/plans/:plan/retention',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'setPlanRetention',
        tags: ['retention'],
        summary: 'Say how long telemetry of tenants on a plan is kept; what is removed is gone',
        params: z.object({ plan: planName }),
        querystring: noQuery,
        body: newRetentionSchema,
        response: { 200: planRetentionSchema },
      },
      handler: async (request) => {
        const { plan } = request.params;
        const days = retentionOf(request.body);
        await retention.put(staffOf(request), { plan }, days);
        return { plan, ...daysToWire(days) };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/tenants/:id/retention',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getTenantRetention',
        tags: ['retention'],
        summary: 'How long what a tenant sent is kept',
        params: z.object({ id: z.string() }),
        querystring: noQuery,
        response: { 200: tenantRetentionSchema },
      },
      handler: async (request) => {
        const { actor } = callerOf(request);
        const tenantId = tenantOf(request.params.id);
        narrowTo(actor, tenantId);
        return ofTenant(tenantId, actor.kind !== 'staff');
      },
    });

    app.route({
      method: 'PUT',
      url: '/v1/tenants/:id/retention',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'setTenantRetention',
        tags: ['retention'],
        summary: 'Say how long telemetry of one tenant is kept, whatever its plan says; what is removed is gone',
        params: z.object({ id: z.string() }),
        querystring: noQuery,
        body: newRetentionSchema,
        response: { 200: tenantRetentionSchema },
      },
      handler: async (request) => {
        const tenantId = tenantOf(request.params.id);
        await retention.put(staffOf(request), { tenantId }, retentionOf(request.body));
        return ofTenant(tenantId, false);
      },
    });
    done();
  };
}
