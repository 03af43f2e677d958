import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { PLACEMENTS } from '../domain/dedicated.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import { SUSPENSION_EFFECTS, SUSPENSION_REASONS } from '../domain/tenant-state.ts';
import type { ApiContext } from './context.ts';
import type { DirectoryItem } from './contract.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import { staffOf } from './guard.ts';
import type { DirectoryEntry } from './lifecycle-ports.ts';
import { retentionRoutes } from './lifecycle-retention.ts';
import { onboardingRoutes } from './onboarding.ts';
import { lineOfText, tenantIdText, wholeNumber } from './parameters.ts';
import { tenantStateRoutes } from './tenant-state.ts';

const directoryItemSchema = z
  .object({
    tenant_id: z.string(),
    display_name: z.string().nullable(),
    status: z.enum(['active', 'suspended', 'closed']),
    plan: z.string().nullable(),
    plan_since: z.string().nullable().describe('null: it never was on a plan'),
    first_seen_at: z.string().describe('When telemetry or a person first named the tenant'),
    last_seen: z
      .object({ at: z.string(), step_seconds: z.int() })
      .nullable()
      .describe('The start of the newest minute, hour or day with a span; null: none is known'),
    placement: z.enum(PLACEMENTS),
    placement_reason: z.string().nullable(),
    billing_day: z.int().nullable().describe("null: the calendar's months"),
    seats: z.int().nullable().describe('null: nobody said'),
    trial_ends_at: z.string().nullable(),
    scheduled_plan: z
      .object({ plan: z.string().nullable(), effective_from: z.string() })
      .nullable()
      .describe('The change of plan that comes next; null: none'),
    onboarded_at: z.string().nullable().describe('null: it appeared by itself, or somebody named it'),
    state: z
      .object({
        version: z.int(),
        effect: z.enum(SUSPENSION_EFFECTS).nullable(),
        reason_code: z.enum(SUSPENSION_REASONS).nullable(),
        reason: z.string(),
        until: z.string().nullable().describe('When a suspension ends by itself'),
        since: z.string(),
        by: z.string(),
      })
      .nullable()
      .describe('null: nobody ever decided where it stands'),
  })
  .meta({ id: 'DirectoryEntry' });

export const directoryListSchema = z
  .object({
    items: z.array(directoryItemSchema),
    next_cursor: z.string().nullable(),
    total: z.int().min(0).describe('Tenants that match, over all pages'),
    last_seen_known: z.boolean().describe('false: telemetry cannot be read right now, and last_seen is null for all'),
  })
  .meta({ id: 'DirectoryList' });

const directoryQuery = z.strictObject({
  tenant_id: tenantIdText.optional(),
  q: lineOfText(0, 128).optional().describe('Case-insensitive part of the id or the name'),
  limit: wholeNumber(1, 1_000).default(100),
  cursor: z.string().min(1).max(512).optional().describe('next_cursor of the page before, with the same query'),
});

function entryToWire(entry: DirectoryEntry): DirectoryItem {
  const { lastSeen, seats, scheduledPlan, state } = entry;
  return {
    ...{ tenant_id: entry.tenantId, display_name: entry.displayName, status: entry.status },
    ...{ plan: entry.plan, plan_since: nullableTime(entry.planSince), first_seen_at: rfc3339(entry.firstSeenAt) },
    last_seen: lastSeen === null ? null : { at: rfc3339(lastSeen.at), step_seconds: lastSeen.stepMs / 1_000 },
    ...{ placement: entry.placement, placement_reason: entry.placementReason, billing_day: entry.billingDay },
    ...{ seats: seats === null ? null : Number(seats), trial_ends_at: nullableTime(entry.trialEndsAt) },
    scheduled_plan: scheduledPlan && {
      ...{ plan: scheduledPlan.plan, effective_from: rfc3339(scheduledPlan.effectiveFrom) },
    },
    onboarded_at: nullableTime(entry.onboardedAt),
    state: state && {
      ...{ version: state.version, effect: state.effect, reason_code: state.reasonCode, reason: state.reason },
      ...{ until: nullableTime(state.until), since: rfc3339(state.since), by: state.by },
    },
  };
}

/** Who the operator's customers are and where each stands in its life: also those that sent nothing in any window. */
export function lifecycleRoutes(context: ApiContext): FastifyPluginCallbackZod {
  const { ports, cursors, now } = context;
  const { directory } = ports;
  return (app, _options, done) => {
    app.register(tenantStateRoutes(context));
    app.register(onboardingRoutes(context));
    app.register(retentionRoutes(context));
    app.get(
      '/v1/tenant-directory',
      {
        schema: {
          operationId: 'listTenantDirectory',
          tags: ['tenants'],
          summary: 'Every tenant that was ever named, with status, plan, placement and when it was first and last seen',
          querystring: directoryQuery,
          response: { 200: directoryListSchema },
        },
      },
      async (request) => {
        const { tenant_id: asked, q, limit, cursor } = request.query;
        const binding = ['directory', asked ?? null, q ?? null, limit];
        const offset = cursor === undefined ? 0 : cursors.open(cursor, binding).offset;
        const tenantId = parseTenantId(asked);
        const { total, lastSeenKnown, entries } = await directory.list(staffOf(request), {
          ...{ offset, limit, now: now() },
          ...(tenantId === undefined ? {} : { tenantId }),
          ...(q === undefined || q === '' ? {} : { search: q }),
        });
        const end = offset + entries.length;
        return {
          items: entries.map(entryToWire),
          next_cursor:
            entries.length === 0 || end >= total ? null : cursors.seal({ offset: end, from: 0, to: 0 }, binding),
          ...{ total, last_seen_known: lastSeenKnown },
        };
      },
    );
    done();
  };
}
