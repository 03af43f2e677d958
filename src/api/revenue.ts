import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TenantryError } from '../domain/errors.ts';
import type { SubscriptionDiscount } from '../domain/revenue.ts';
import { parseTenantId } from '../domain/tenant-id.ts';
import type { ApiContext } from './context.ts';
import { noSuchTenant, staffOf } from './guard.ts';
import { instant, noQuery, tenantIdText } from './parameters.ts';
import type { RevenueMovement } from './revenue-ports.ts';
import {
  customerTenantSchema,
  newRevenueImportSchema,
  revenueAnswerSchema,
  revenueImportItemSchema,
  revenueImportListSchema,
  unmappedCustomerListSchema,
} from './revenue-schemas.ts';
import { resolveWindow } from './time-range.ts';
import { valueToWire } from './usage-convert.ts';

/** A file of 24 MB, escaped as JSON text. */
const BODY_LIMIT_BYTES = 48 * 1024 * 1024;
const PPM_PER_PERCENT = 10_000;

const time = (at: number) => new Date(at).toISOString();
/** Sums of money that are known. */
export const money = (micro: bigint): number | string => valueToWire(micro) ?? 0;

function discountOf(terms: { percent: number } | { amount_micro: number }): SubscriptionDiscount {
  if ('percent' in terms) return { kind: 'percent', ppm: Math.round(terms.percent * PPM_PER_PERCENT), endsAt: null };
  return { kind: 'amount', amountMicro: BigInt(terms.amount_micro), endsAt: null };
}

function movementToWire(movement: RevenueMovement) {
  return {
    currency: movement.currency,
    before_micro: money(movement.before),
    new_micro: money(movement.new),
    reactivation_micro: money(movement.reactivation),
    expansion_micro: money(movement.expansion),
    contraction_micro: money(movement.contraction),
    churn_micro: money(movement.churn),
    after_micro: money(movement.after),
    unknown_tenants: movement.unknownTenants,
  };
}

export function revenueRoutes({ ports: { revenue }, now }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.route({
      method: 'GET',
      url: '/v1/revenue',
      schema: {
        operationId: 'getRevenue',
        tags: ['revenue'],
        summary: 'What tenants pay: recurring at the end of the window, recognised in it, and what moved',
        querystring: z.strictObject({
          from: instant.optional(),
          to: instant.optional(),
          tenant_id: tenantIdText.optional().describe('Only its rows; the movements stay those of all'),
        }),
        response: { 200: revenueAnswerSchema },
      },
      handler: async (request) => {
        const { tenant_id: only, ...range } = request.query;
        const window = resolveWindow(range, now());
        const [rows, movements, unmapped] = await Promise.all([
          revenue.tenants(window),
          revenue.movements(window),
          revenue.unmapped(staffOf(request)),
        ]);
        const items = rows.filter(({ tenantId }) => only === undefined || tenantId === only);
        return {
          from: time(window.from),
          to: time(window.to),
          items: items.map(({ tenantId, plan, currency, mrrMicro, revenueMicro }) => ({
            tenant_id: tenantId,
            plan,
            currency,
            mrr_micro: valueToWire(mrrMicro),
            revenue_micro: money(revenueMicro),
          })),
          movements: movements.map(movementToWire),
          unmapped_customers: unmapped.length,
        };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/revenue/imports',
      schema: {
        operationId: 'listRevenueImports',
        tags: ['revenue'],
        summary: 'Files that were imported, newest first',
        querystring: noQuery,
        response: { 200: revenueImportListSchema },
      },
      handler: async (request) => ({
        items: (await revenue.imports(staffOf(request))).map((made) => ({
          id: made.id,
          file_name: made.fileName,
          format: made.format,
          as_of: time(made.asOf),
          subscriptions: made.subscriptions,
          invoices: made.invoices,
          added: made.added,
          changed: made.changed,
          unchanged: made.unchanged,
          created_by: made.createdBy,
          created_at: time(made.createdAt),
        })),
      }),
    });

    app.route({
      method: 'POST',
      url: '/v1/revenue/imports',
      bodyLimit: BODY_LIMIT_BYTES,
      schema: {
        operationId: 'importRevenue',
        tags: ['revenue'],
        summary: 'Import subscriptions or invoices: all of the file or nothing, and the same file twice but once',
        querystring: noQuery,
        body: newRevenueImportSchema,
        response: { 200: revenueImportItemSchema },
      },
      handler: async (request) => {
        const { file_name: fileName, content, as_of: asOf, coupons = {}, dry_run: dryRun } = request.body;
        const made = await revenue.import(staffOf(request), {
          fileName,
          content,
          asOf: asOf === undefined ? now() : Date.parse(asOf),
          coupons: new Map(Object.entries(coupons).map(([name, terms]) => [name, discountOf(terms)])),
          ...(dryRun === undefined ? {} : { dryRun }),
        });
        return {
          id: made.id,
          is_new: made.isNew,
          subscriptions: made.subscriptions,
          invoices: made.invoices,
          added: made.added,
          changed: made.changed,
          unchanged: made.unchanged,
          unmapped_customers: made.unmapped,
        };
      },
    });

    app.route({
      method: 'GET',
      url: '/v1/revenue/unmapped',
      schema: {
        operationId: 'listUnmappedCustomers',
        tags: ['revenue'],
        summary: 'Customers of the billing system that are no tenant yet',
        querystring: noQuery,
        response: { 200: unmappedCustomerListSchema },
      },
      handler: async (request) => ({
        items: (await revenue.unmapped(staffOf(request))).map(({ customerId, subscriptions, invoices }) => ({
          customer_id: customerId,
          subscriptions,
          invoices,
        })),
      }),
    });

    app.route({
      method: 'PUT',
      url: '/v1/revenue/customers/:customer_id',
      config: { errors: ['NOT_FOUND'] },
      schema: {
        operationId: 'mapCustomer',
        tags: ['revenue'],
        summary: 'Say which tenant a customer of the billing system is',
        params: z.object({ customer_id: z.string() }),
        querystring: noQuery,
        body: z.strictObject({ tenant_id: tenantIdText }).meta({ id: 'NewCustomerTenant' }),
        response: { 200: customerTenantSchema },
      },
      handler: async (request) => {
        const { customer_id: customerId } = request.params;
        const tenantId = parseTenantId(request.body.tenant_id);
        if (tenantId === undefined) throw noSuchTenant();
        if (customerId.length > 255 || /\p{Cc}/u.test(customerId)) {
          throw new TenantryError('BAD_REQUEST', 'path parameter "customer_id" must be text of 1 to 255 characters');
        }
        await revenue.map(staffOf(request), customerId, tenantId);
        return { customer_id: customerId, tenant_id: tenantId };
      },
    });
    done();
  };
}
