import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import { type Signal, signalStatus } from '../domain/signal.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import type { SignalItem } from './contract.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import { staffOf } from './guard.ts';
import { noQuery } from './parameters.ts';
import { newDismissalSchema, signalItemSchema, signalListSchema, signalQuery } from './signals-schemas.ts';

function signalToWire(signal: Signal, now: number): SignalItem {
  const { id, tenantId, kind, subject, since, seenAt, endedAt, strength, sentence, evidence, dismissal } = signal;
  return {
    ...{ id, tenant_id: tenantId, kind, subject, status: signalStatus(signal, now) },
    ...{ since: rfc3339(since), seen_at: rfc3339(seenAt), ended_at: nullableTime(endedAt) },
    ...{ strength, sentence },
    evidence: { figures: { ...evidence.figures }, links: [...evidence.links] },
    dismissed:
      dismissal === null ? null : { ...dismissal, at: rfc3339(dismissal.at), until: nullableTime(dismissal.until) },
  };
}

/** What sales should look at: who is ready for a larger plan, who loses money, who is about to leave. */
export function signalRoutes({ ports: { sales }, cursors, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/signals',
      {
        schema: {
          operationId: 'listSignals',
          tags: ['plans'],
          summary: 'Signals for sales with their numbers, the strongest first',
          querystring: signalQuery,
          response: { 200: signalListSchema },
        },
      },
      async (request) => {
        const { tenant_id: asked, kind, status, limit, cursor } = request.query;
        const binding = ['signals', asked ?? null, kind ?? null, status, limit];
        const offset = cursor === undefined ? 0 : cursors.open(cursor, binding).offset;
        const tenantId = parseTenantId(asked);
        const signals = await sales.signals.list(staffOf(request), {
          ...{ offset, limit: limit + 1 },
          ...(tenantId === undefined ? {} : { tenantId }),
          ...(kind === undefined ? {} : { kind }),
          ...(status === 'all' ? {} : { status }),
        });
        const isLast = signals.length <= limit;
        return {
          items: signals.slice(0, limit).map((signal) => signalToWire(signal, now())),
          next_cursor: isLast ? null : cursors.seal({ offset: offset + limit, from: 0, to: 0 }, binding),
        };
      },
    );
    app.post(
      '/v1/signals/:id/dismiss',
      {
        config: { errors: ['NOT_FOUND'] },
        schema: {
          operationId: 'dismissSignal',
          tags: ['plans'],
          summary: 'Put a signal aside, for as long as it lasts or until a day',
          params: z.object({ id: z.string() }),
          querystring: noQuery,
          body: newDismissalSchema,
          response: { 200: signalItemSchema },
        },
      },
      async (request) => {
        const { reason, until } = request.body;
        const moment = until === undefined ? null : Date.parse(until);
        if (moment !== null && moment <= now()) {
          throw new TenantryError('BAD_REQUEST', 'body "until" has passed.', {
            hint: 'Name a time to come, or leave it out: then the signal stays aside for as long as it lasts.',
          });
        }
        const signal = await sales.signals.dismiss(staffOf(request), request.params.id, { reason, until: moment });
        if (signal !== undefined) return signalToWire(signal, now());
        throw new TenantryError('NOT_FOUND', 'There is no such signal, or it has ended.', {
          hint: 'GET /v1/signals lists those that there are.',
        });
      },
    );
    done();
  };
}
