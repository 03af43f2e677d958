import { Readable } from 'node:stream';
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { AuditChainState, AuditRecord } from '../domain/audit.ts';
import { TenantryError } from '../domain/errors.ts';
import type { Window } from '../domain/window.ts';
import type { AuditChain, AuditItem } from './audit-contract.ts';
import type { ApiContext } from './context.ts';
import { nullableTime, rfc3339 } from './convert.ts';
import { callerOf, narrowTo, refuseForeignRows } from './guard.ts';
import { instant, lineOfText, tenantIdText, wholeNumber } from './parameters.ts';

const FILE_TIMEOUT_MS = 10 * 60_000;
/** Nothing was recorded before Tenantry was. */
const BEGINNING = Date.UTC(2000, 0);

const anything = z.unknown().describe('What it was; null: nothing, or not told');

const auditItemSchema = z
  .object({
    id: z.string(),
    at: z.string(),
    actor: z.string().describe('Who; for people of a tenant, those of the operator are "operator" and "system"'),
    role: z.string(),
    action: z.string().describe('<noun>.<verb>: throttle.create'),
    tenant_id: z.string().nullable().describe('Whom it is about; null: nobody in particular'),
    resource: z.string(),
    before: anything,
    after: anything,
    request_id: z.string().nullable(),
  })
  .meta({ id: 'AuditItem' });

export const auditListSchema = z
  .object({ items: z.array(auditItemSchema), next_cursor: z.string().nullable() })
  .meta({ id: 'AuditList' });

const auditQuery = z.strictObject({
  tenant_id: tenantIdText.optional(),
  actor: lineOfText(1, 200).optional().describe('Who did it, whole'),
  action: lineOfText(1, 100).optional().describe('throttle.create, or throttle for all that is done to throttles'),
  from: instant.optional().describe('Default: the beginning of the log'),
  to: instant.optional().describe('Default: now'),
  q: lineOfText(1, 200).optional().describe('Part of any field, case does not matter'),
  limit: wholeNumber(1, 500).default(100),
  cursor: z.string().max(500).optional(),
  format: z
    .enum(['page', 'csv', 'json'])
    .default('page')
    .describe('csv, json: all that fits the filters as a file; limit and cursor do not matter then'),
});

const count = z.int().min(0);
const HEAD = /^([1-9]\d{0,14}):([0-9a-f]{64})$/;

export const auditChainSchema = z
  .object({
    state: z.enum(['intact', 'broken', 'checking', 'unchecked']).describe('checking: all else is of the check before'),
    checked_at: z.string().nullable().describe('null: no check has ended since the server started'),
    entries: count,
    progress: z.object({ checked: count, total: count }).nullable(),
    problems: z
      .array(
        z.object({
          kind: z.enum(['edited', 'missing', 'unchained', 'truncated', 'rewritten']),
          position: z.int().nullable().describe('Place in the chain'),
          id: z.string().nullable().describe('Of the record'),
          detail: z.string(),
        }),
      )
      .describe('The first hundred'),
    problems_total: count,
    head: z
      .object({ position: z.int(), hash: z.string() })
      .nullable()
      .describe('The end of the chain. Kept elsewhere, it shows later whether the log was cut off or written anew'),
  })
  .meta({ id: 'AuditChain' });

const chainQuery = z.strictObject({
  fresh: z.enum(['true', 'false']).default('false').describe('true: check now, however young the last check is'),
  head: z.string().regex(HEAD, 'must be a place and a hash: 1234:9f86d0…').optional().describe('One that you kept'),
});

function chainToWire({ checkedAt, problems, problemsTotal, head, ...rest }: AuditChainState): AuditChain {
  return {
    ...rest,
    checked_at: nullableTime(checkedAt),
    problems: problems.map((problem) => ({ ...problem })),
    problems_total: problemsTotal,
    head: head === null ? null : { ...head },
  };
}

function auditToWire(record: AuditRecord): AuditItem {
  const { seq, at, subject, role, action, tenantId, resource, before, after, requestId } = record;
  return {
    ...{ id: String(seq), at: rfc3339(at), actor: subject, role, action, tenant_id: tenantId, resource },
    ...{ before, after, request_id: requestId },
  };
}

function auditWindow({ from, to }: { from?: string | undefined; to?: string | undefined }, now: number): Window {
  // The record of this very moment belongs to "until now".
  const window = {
    from: from === undefined ? BEGINNING : Date.parse(from),
    to: to === undefined ? now + 1 : Date.parse(to),
  };
  if (window.from < window.to) return window;
  throw new TenantryError('BAD_REQUEST', 'query parameter "from" must be before "to"', {
    hint: 'An absent "to" means now; intervals are half-open [from, to).',
  });
}

/** Who changed or read what. */
export function auditRoutes({ ports: { audit }, cursors, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get(
      '/v1/audit',
      {
        config: { errors: ['NOT_FOUND'] },
        handlerTimeout: FILE_TIMEOUT_MS,
        schema: {
          operationId: 'listAudit',
          tags: ['audit'],
          summary: "The audit log, newest first: staff see all of it, a tenant's admin what was done about the tenant",
          querystring: auditQuery,
          response: {
            200: {
              description: 'A page, or a file',
              content: { 'application/json': { schema: auditListSchema }, 'text/csv': { schema: z.string() } },
            },
          },
        },
      },
      async (request, reply) => {
        const { actor } = callerOf(request);
        const { tenant_id, actor: who, action, from, to, q, limit, cursor, format } = request.query;
        const tenantId = narrowTo(actor, tenant_id);
        const asked = { tenantId, actor: who, action, search: q };
        if (format !== 'page') {
          const question = { ...asked, window: auditWindow({ from, to }, now()), limit };
          return reply
            .header('content-disposition', `attachment; filename="tenantry-audit.${format}"`)
            .type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/json; charset=utf-8')
            .send(Readable.from(audit.file(actor, question, format)) as never);
        }
        const binding = ['audit', actor.subject, tenantId, who, action, q, from, to];
        const place = cursor === undefined ? undefined : cursors.open(cursor, binding);
        const window = place ?? auditWindow({ from, to }, now());
        const question = { ...asked, window: { from: window.from, to: window.to }, beforeSeq: place?.offset };
        const found = await audit.page(actor, { ...question, limit: limit + 1 });
        refuseForeignRows(
          tenantId,
          found.map((record) => record.tenantId ?? ''),
        );
        const items = found.slice(0, limit);
        const last = found.length > limit ? items.at(-1) : undefined;
        const next = last === undefined ? null : cursors.seal({ offset: last.seq, ...question.window }, binding);
        return { items: items.map(auditToWire), next_cursor: next } as never;
      },
    );
    app.get(
      '/v1/audit/chain',
      {
        schema: {
          operationId: 'checkAudit',
          tags: ['audit'],
          summary: 'Whether the audit log is whole: nothing edited, taken out, slipped in, reordered or cut off',
          querystring: chainQuery,
          response: { 200: auditChainSchema },
        },
      },
      async (request) => {
        const { fresh, head } = request.query;
        const [, position, hash] = HEAD.exec(head ?? '') ?? [];
        const kept = position === undefined || hash === undefined ? undefined : { position: Number(position), hash };
        return chainToWire(await audit.chain({ fresh: fresh === 'true', head: kept }));
      },
    );
    done();
  };
}
