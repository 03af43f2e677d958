import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { COST_MEASURES } from '../domain/bill.ts';
import { BillRefused } from '../domain/bill-refused.ts';
import { parseRate } from '../domain/cost-amount.ts';
import { isCurrency } from '../domain/cost-currency.ts';
import { TenantryError } from '../domain/errors.ts';
import { billToWire, differenceToWire, importToWire, sumsToWire } from './bills-convert.ts';
import type { BillUpload } from './bills-ports.ts';
import { allocationChangeSchema, billDetailSchema, billImportSchema, billListSchema } from './bills-schemas.ts';
import type { ApiContext } from './context.ts';
import { staffOf } from './guard.ts';
import { lineOfText, noQuery, wholeNumber } from './parameters.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

/** Reading, checking and sharing out some hundred thousand lines. */
const IMPORT_TIMEOUT_MS = 10 * 60_000;
const FILE_TYPES = [
  'text/csv',
  'text/tab-separated-values',
  'application/csv',
  'application/gzip',
  'application/x-gzip',
  'application/vnd.apache.parquet',
  'application/octet-stream',
];

const yes = z.enum(['true', 'false']).default('false');
const rates = z
  .string()
  .max(500)
  .refine(
    (text) => text.split(',').every((pair) => isRate(pair)),
    'must be rates such as EUR=1.0832,GBP=1.27 with up to 12 decimals',
  )
  .optional();

function isRate(pair: string): boolean {
  const [currency = '', rate = '', ...more] = pair.split('=');
  return more.length === 0 && isCurrency(currency) && parseRate(rate) !== undefined;
}

const currencyCode = z.string().refine(isCurrency, 'must be a currency of ISO 4217 such as USD');

const importQuery = z.strictObject({
  file_name: lineOfText(1, 255).default('bill'),
  measure: z
    .enum(COST_MEASURES)
    .default('billed')
    .describe('What counts: the invoice, or prepayments spread over their time (FOCUS only)'),
  encoding: z.enum(['auto', 'utf-8', 'utf-16le', 'utf-16be', 'latin1']).default('auto'),
  issuer: lineOfText(1, 256).optional().describe('For files that do not say who bills'),
  account: lineOfText(1, 256).optional(),
  invoice: lineOfText(1, 256)
    .optional()
    .describe('For lines without an invoice number; tells two bills of one period apart'),
  rates: rates.describe('What one unit of a currency is in `into`: EUR=1.0832. Kept with the bill'),
  into: currencyCode.default('USD').describe('Currency of a bill with rates'),
  split: yes.describe('Lines in several currencies become as many bills'),
  allow_identical: yes.describe('Lines that are alike in every cell and have no id are wanted'),
  replace: yes.describe('Take the place of bills with the same issuer, account, period and invoice'),
  dry_run: yes.describe('Read, check and share out, and keep nothing'),
});

const listQuery = z.strictObject({
  limit: wholeNumber(1, 500).default(100),
  offset: wholeNumber(0, 1_000_000).default(0),
  ended: yes.describe('Also those that were replaced or removed'),
});
const params = z.object({ id: z.string() });

function uploadOf(query: z.infer<typeof importQuery>): BillUpload {
  const { file_name: fileName, measure, encoding, issuer = '', account = '', invoice = '', into } = query;
  return {
    ...{ fileName, measure, encoding, into, defaults: { issuer, account, invoice } },
    rates: Object.fromEntries((query.rates?.split(',') ?? []).map((pair) => pair.split('=') as [string, string])),
    split: query.split === 'true',
    allowIdentical: query.allow_identical === 'true',
    replace: query.replace === 'true',
    dryRun: query.dry_run === 'true',
  };
}

function noSuchBill(): TenantryError {
  return new TenantryError('NOT_FOUND', 'There is no current bill with this id.', {
    hint: 'GET /v1/bills lists them.',
  });
}

function fileIn(body: unknown): AsyncIterable<Uint8Array> {
  if (typeof body === 'object' && body !== null && Symbol.asyncIterator in body)
    return body as AsyncIterable<Uint8Array>;
  throw new TenantryError('BAD_REQUEST', 'There is no file in the body.', {
    hint: `Send the file itself with one of these content types: ${FILE_TYPES.join(', ')}.`,
  });
}

/** Bills: taken in, listed, shared out again, removed. */
export function billRoutes({ ports: { bills } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.addContentTypeParser(FILE_TYPES, (_request, payload, parsed) => parsed(null, payload));

    app.route({
      method: 'POST',
      url: '/v1/bills',
      handlerTimeout: IMPORT_TIMEOUT_MS,
      config: {
        errors: ['CONFLICT', 'BILL_REFUSED', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'NOT_SUPPORTED_HERE'],
      },
      schema: {
        operationId: 'importBill',
        tags: ['costs'],
        summary:
          'Import a bill: all of its lines or none. The body is the file (FOCUS, AWS CUR, simple CSV; gzip, Parquet)',
        description:
          'A refused bill is answered with the problem BILL_REFUSED and a member `lines`: [{line, problem}], the first 1000.',
        querystring: importQuery,
        response: { 200: billImportSchema.describe('Looked at only'), 201: billImportSchema },
      },
      handler: async (request, reply) => {
        try {
          const result = await bills.importBill(staffOf(request), fileIn(request.body), uploadOf(request.query));
          return reply.code(result.dryRun ? 200 : 201).send(importToWire(result));
        } catch (error) {
          if (!(error instanceof BillRefused)) throw error;
          const problem = { ...problemOf(error, request.id), lines: error.problems, total: error.total };
          return reply
            .code(error.status as 422 & 200)
            .type(PROBLEM_TYPE)
            .serializer((body: unknown) => JSON.stringify(body))
            .send(problem as never);
        }
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/bills',
      schema: {
        operationId: 'listBills',
        tags: ['costs'],
        summary: 'Bills, newest first, with imports that are under way',
        querystring: listQuery,
        response: { 200: billListSchema },
      },
      handler: async (request) => {
        const { limit, offset, ended } = request.query;
        const found = await bills.list(staffOf(request), { limit, offset, ended: ended === 'true' });
        return { items: found.map(billToWire) };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/bills/:id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'getBill',
        tags: ['costs'],
        summary: 'A bill, how it is shared out, and whether that adds up',
        params,
        querystring: noQuery,
        response: { 200: billDetailSchema },
      },
      handler: async (request) => {
        const found = await bills.find(staffOf(request), request.params.id);
        if (found === undefined) throw noSuchBill();
        return { ...billToWire(found.bill), allocation: sumsToWire(found.sums) };
      },
    });

    app.route({
      method: 'DELETE',
      url: '/v1/bills/:id',
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'removeBill',
        tags: ['costs'],
        summary: 'Take a bill out of all answers; it stays listed as removed',
        params,
        querystring: noQuery,
        response: { 204: z.undefined().describe('It counts no more') },
      },
      handler: async (request, reply) => {
        if (!(await bills.remove(staffOf(request), request.params.id))) throw noSuchBill();
        return reply.code(204).send();
      },
    });

    app.route({
      method: 'POST',
      url: '/v1/bills/:id/allocate',
      handlerTimeout: IMPORT_TIMEOUT_MS,
      config: { errors: ['NOT_FOUND', 'CONFLICT'] },
      schema: {
        operationId: 'allocateBill',
        tags: ['costs'],
        summary: 'Share a bill out anew by the newest rules and usage, and say what that changes',
        params,
        querystring: z.strictObject({ dry_run: yes }),
        response: { 200: allocationChangeSchema },
      },
      handler: async (request) => {
        const [actor, { id }] = [staffOf(request), request.params];
        const change =
          request.query.dry_run === 'true' ? await bills.preview(actor, id) : await bills.allocate(actor, id);
        if (change === undefined) throw noSuchBill();
        return differenceToWire(change);
      },
    });
    done();
  };
}
