import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import type { Actor } from '../domain/actor.ts';
import type { BurstAccount, BurstEntry } from '../domain/burst.ts';
import { isQuotaKey, quotaUnit } from '../domain/plan.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import type { BurstAccountItem, BurstEntryItem } from './contract.ts';
import { rfc3339 } from './convert.ts';
import { callerOf, narrowTo, ownTenantOf, refuseForeignRows, staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import { tenantOf } from './quotas.ts';
import {
  burstAccountListSchema,
  burstEntryListSchema,
  burstQuery,
  burstReceiptSchema,
  newBurstSpendSchema,
} from './quotas-schemas.ts';

function accountToWire({ tenantId, key, lots, ...sums }: BurstAccount): BurstAccountItem {
  return {
    ...{ tenant_id: tenantId, key, unit: quotaUnit(key), balance: Number(sums.balance), earned: Number(sums.earned) },
    ...{ spent: Number(sums.spent), expired: Number(sums.expired) },
    lots: lots.map((lot) => ({
      period_start: rfc3339(lot.window.from),
      period_end: rfc3339(lot.window.to),
      earned: Number(lot.earned),
      remaining: Number(lot.remaining),
      expires_at: rfc3339(lot.expiresAt),
    })),
  };
}

/** Tenants learn what was booked and why, not which of the operator's people did it. */
function entryToWire(entry: BurstEntry, reader: Actor): BurstEntryItem {
  const { tenantId, key, kind, debit, credit, amount, lotStart, at, reference, reason, bookedBy } = entry;
  return {
    ...{ tenant_id: tenantId, key, kind, debit, credit, amount: Number(amount) },
    ...{ lot_start: rfc3339(lotStart), at: rfc3339(at), reference, reason },
    booked_by: reader.kind === 'tenant' ? 'operator' : bookedBy,
  };
}

interface BurstQuery {
  readonly tenant_id?: string | undefined;
  readonly key?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Burst credits: what tenants left over of their quotas and may use later on. */
export function burstRoutes({ ports: { sales }, cursors }: ApiContext): FastifyPluginCallbackZod {
  /** One page of a list, and the cursor of the next. */
  async function pageOf<Row extends { readonly tenantId: TenantId }>(
    name: string,
    actor: Actor,
    { tenant_id: asked, key, limit, cursor }: BurstQuery,
    read: (filter: Parameters<typeof sales.burst.accounts>[1]) => Promise<readonly Row[]>,
  ): Promise<{ rows: readonly Row[]; next_cursor: string | null }> {
    const tenantId = narrowTo(actor, asked);
    const binding = [name, ownTenantOf(actor) ?? null, asked ?? null, key ?? null, limit];
    const offset = cursor === undefined ? 0 : cursors.open(cursor, binding).offset;
    const rows = await read({
      ...{ offset, limit: limit + 1 },
      ...(tenantId === undefined ? {} : { tenantId }),
      ...(key !== undefined && isQuotaKey(key) ? { key } : {}),
    });
    refuseForeignRows(
      tenantId,
      rows.map((row) => row.tenantId),
    );
    const next = rows.length <= limit ? null : cursors.seal({ offset: offset + limit, from: 0, to: 0 }, binding);
    return { rows: rows.slice(0, limit), next_cursor: next };
  }

  return (app, _options, done) => {
    app.get(
      '/v1/burst-credits',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'listBurstCredits',
          tags: ['plans'],
          summary: 'Credits for use beyond quotas: earned, spent and expired, and what is left',
          querystring: burstQuery,
          response: { 200: burstAccountListSchema },
        },
      },
      async (request) => {
        const { actor } = callerOf(request);
        const { rows, next_cursor } = await pageOf('burst', actor, request.query, (filter) =>
          sales.burst.accounts(actor, filter),
        );
        return { items: rows.map(accountToWire), next_cursor };
      },
    );
    app.get(
      '/v1/burst-credits/entries',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'listBurstEntries',
          tags: ['plans'],
          summary: 'The ledger of burst credits, newest first; entries are never changed',
          querystring: burstQuery,
          response: { 200: burstEntryListSchema },
        },
      },
      async (request) => {
        const { actor } = callerOf(request);
        const { rows, next_cursor } = await pageOf('burst-entries', actor, request.query, (filter) =>
          sales.burst.entries(actor, filter),
        );
        return { items: rows.map((entry) => entryToWire(entry, actor)), next_cursor };
      },
    );
    app.post(
      '/v1/burst-credits/spend',
      {
        config: { errors: ['NOT_FOUND', 'CONFLICT'] },
        schema: {
          operationId: 'spendBurstCredits',
          tags: ['plans'],
          summary: "Pay with credits for use beyond a tenant's quota: all that is asked for, or nothing",
          querystring: noQuery,
          body: newBurstSpendSchema,
          response: { 200: burstReceiptSchema },
        },
      },
      async (request) => {
        const { tenant_id, key, amount, ...spend } = request.body;
        const tenantId = tenantOf(tenant_id);
        const answer = await sales.burst.spend(staffOf(request), { ...spend, tenantId, key, amount: BigInt(amount) });
        return { outcome: answer.outcome, spent: Number(answer.spent), balance: Number(answer.balance) };
      },
    );
    done();
  };
}
