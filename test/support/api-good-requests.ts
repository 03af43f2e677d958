import type { PERMISSIONS } from '../../src/api/permissions.ts';
import { GOOD_ACCOUNT_REQUESTS } from './api-good-account-requests.ts';
import { GOOD_CONTROL_REQUESTS } from './api-good-control-requests.ts';
import { GOOD_COST_REQUESTS } from './api-good-cost-requests.ts';
import { GOOD_LIFECYCLE_REQUESTS } from './api-good-lifecycle-requests.ts';
import { GOOD_PRICE_REQUESTS } from './api-good-price-requests.ts';
import { GOOD_SALES_REQUESTS } from './api-good-sales-requests.ts';
import { GOOD_TELEMETRY_REQUESTS } from './api-good-telemetry-requests.ts';
import { GOOD_TRACE_REQUESTS } from './api-good-trace-requests.ts';
import { OWN } from './api-harness.ts';

export type Row = keyof typeof PERMISSIONS;

interface GoodRequest {
  readonly url: string;
  readonly payload?: object;
  /** Answer to those who may. */
  readonly status: number;
  /** Answer to those who may, but belong to OTHER. */
  readonly statusForOther?: number;
  /** Answer to those who may, when somebody has asked the same before. */
  readonly statusAgain?: number;
}

const SOME_ID = '00000000-0000-4000-8000-000000000001';
const OFREP_BODY = { context: { targetingKey: OWN } };

/** To each route a request that is right in everything but, perhaps, who sends it; about the tenant OWN. */
export const GOOD_REQUESTS: Record<Row, GoodRequest> = {
  'GET /healthz': { url: '/healthz', status: 200 },
  'GET /readyz': { url: '/readyz', status: 200 },
  'GET /metrics': { url: '/metrics', status: 200 },
  'GET /metrics/tenants': { url: '/metrics/tenants', status: 200 },
  'GET /v1/tenant-directory': { url: `/v1/tenant-directory?tenant_id=${OWN}`, status: 200 },
  'GET /openapi.json': { url: '/openapi.json', status: 200 },
  // The route is open to all; the code decides. Codes that work are in sign-in.test.ts.
  'GET /signin': { url: '/signin?code=unknown', status: 401 },
  'GET /*': { url: '/index.html', status: 200 },
  'GET /v1/whoami': { url: '/v1/whoami', status: 200 },
  'POST /v1/session/end': { url: '/v1/session/end', status: 204 },
  'POST /v1/sign-in-links': { url: '/v1/sign-in-links', payload: { role: 'sre' }, status: 201 },
  'GET /v1/keys': { url: '/v1/keys', status: 200 },
  'POST /v1/keys': { url: '/v1/keys', payload: { name: 'checkout', scopes: ['ingest'] }, status: 201 },
  'DELETE /v1/keys/:id': { url: '/v1/keys/not-there', status: 404 },
  'POST /v1/keys/:id/rotate': { url: '/v1/keys/not-there/rotate', payload: {}, status: 404 },
  'DELETE /v1/keys/:id/previous': { url: '/v1/keys/not-there/previous', status: 404 },
  ...GOOD_ACCOUNT_REQUESTS,
  ...GOOD_LIFECYCLE_REQUESTS,
  'GET /v1/tenants': { url: '/v1/tenants', status: 200 },
  'GET /v1/tenants/:id/metrics': {
    url: `/v1/tenants/${OWN}/metrics?metric=requests`,
    status: 200,
    statusForOther: 404,
  },
  'PUT /v1/tenants/:id/plan': { url: `/v1/tenants/${OWN}/plan`, payload: { plan: 'growth' }, status: 200 },
  'GET /v1/tenant-profiles': { url: '/v1/tenant-profiles', status: 200 },
  'PUT /v1/tenants/:id/profile': { url: `/v1/tenants/${OWN}/profile`, payload: { segment: 'smb' }, status: 200 },
  'POST /v1/tenant-profiles/imports': {
    url: '/v1/tenant-profiles/imports',
    payload: { content: `tenant_id,segment\n${OWN},smb\n` },
    status: 200,
  },
  'GET /v1/anomalies': { url: `/v1/anomalies?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'GET /v1/neighbors': { url: '/v1/neighbors', status: 200 },
  ...GOOD_CONTROL_REQUESTS,
  'GET /v1/storage': { url: `/v1/storage?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'POST /v1/storage': {
    url: '/v1/storage',
    payload: { gauges: [{ tenant_id: OWN, store: 'uploads', bytes: 1_000 }] },
    status: 204,
    statusForOther: 404,
  },
  'GET /v1/storage/targets': { url: '/v1/storage/targets', status: 200 },
  'POST /v1/storage/targets': {
    url: '/v1/storage/targets',
    payload: { name: 'orders-db', kind: 'postgres', settings: { url_ref: 'env:ORDERS_DB_URL' } },
    status: 201,
  },
  'DELETE /v1/storage/targets/:id': { url: '/v1/storage/targets/not-there', status: 404 },
  'POST /v1/storage/targets/:id/collect': { url: '/v1/storage/targets/not-there/collect', status: 404 },
  'GET /v1/decisions': { url: `/v1/decisions?tenant_id=${OWN}`, status: 200 },
  'GET /v1/throttles': { url: `/v1/throttles?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'POST /v1/throttles': {
    url: '/v1/throttles',
    payload: {
      tenant_id: OWN,
      limit: { requests_per_second: 5, burst: 10 },
      mode: 'shadow',
      expires_in_seconds: 60,
      reason: 'load test',
    },
    status: 201,
  },
  'DELETE /v1/throttles/:id': { url: '/v1/throttles/not-there', status: 404 },
  'GET /v1/caps': { url: `/v1/caps?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'PUT /v1/caps/:tenant_id': {
    url: `/v1/caps/${OWN}`,
    payload: { period: 'day', amount_micro: 1_000_000, currency: 'USD' },
    status: 200,
  },
  'DELETE /v1/caps/:tenant_id': { url: `/v1/caps/${OWN}?period=month`, status: 404 },
  'GET /v1/plan-caps': { url: '/v1/plan-caps', status: 200 },
  'PUT /v1/plan-caps/:plan': {
    url: '/v1/plan-caps/growth',
    payload: { period: 'day', amount_micro: 1_000_000, currency: 'USD' },
    status: 200,
  },
  'DELETE /v1/plan-caps/:plan': { url: '/v1/plan-caps/growth?period=month', status: 404 },
  ...GOOD_PRICE_REQUESTS,
  ...GOOD_SALES_REQUESTS,
  'POST /v1/spend/reservations': {
    url: '/v1/spend/reservations',
    payload: { id: SOME_ID, tenant_id: OWN, instance_id: 'i-1', service: 'checkout', at_least_micro: 1 },
    status: 200,
    statusForOther: 404,
  },
  'POST /v1/spend/settlements': {
    url: '/v1/spend/settlements',
    payload: {
      instance_id: 'i-1',
      service: 'checkout',
      items: [
        {
          id: SOME_ID,
          tenant_id: OWN,
          spent_micro: 1,
          calls: 1,
          unpriced_calls: 0,
          excess_calls: 0,
          excess_micro: 0,
          largest_excess_micro: 0,
          in_flight: 0,
          closed: true,
        },
      ],
    },
    status: 200,
    statusForOther: 404,
  },
  'GET /v1/breakers': { url: `/v1/breakers?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'POST /v1/breakers/reports': {
    url: '/v1/breakers/reports',
    payload: { instance_id: 'i-1', service: 'checkout', lost: 0, breakers: [] },
    status: 200,
  },
  'POST /v1/breakers/orders': {
    url: '/v1/breakers/orders',
    payload: { tenant_id: OWN, integration: 'stripe', state: 'open', expires_in_seconds: 60, reason: 'drill' },
    status: 201,
  },
  'DELETE /v1/breakers/orders/:id': { url: '/v1/breakers/orders/not-there', status: 404 },
  'GET /v1/degradations': { url: `/v1/degradations?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'POST /v1/degradations': {
    url: '/v1/degradations',
    payload: { tenant_id: OWN, feature: 'ai', step: 'blocked', expires_in_seconds: 60, reason: 'drill' },
    status: 201,
  },
  'DELETE /v1/degradations/:id': { url: '/v1/degradations/not-there', status: 404 },
  'GET /v1/alerts': { url: '/v1/alerts', status: 200 },
  'POST /v1/alerts/:id/ack': { url: '/v1/alerts/not-there/ack', status: 404 },
  'GET /v1/alert-routes': { url: '/v1/alert-routes', status: 200 },
  'POST /v1/alert-routes': {
    url: '/v1/alert-routes',
    payload: {
      name: 'on call',
      target: { channel: 'slack', url: 'https://hooks.slack.example/services/T0/B0/secret' },
    },
    status: 201,
  },
  'DELETE /v1/alert-routes/:id': { url: '/v1/alert-routes/not-there', status: 404 },
  'POST /v1/alert-routes/:id/test': { url: '/v1/alert-routes/not-there/test', status: 404 },
  'GET /v1/mutes': { url: '/v1/mutes', status: 200 },
  'POST /v1/mutes': {
    url: '/v1/mutes',
    payload: { tenant_id: OWN, expires_in_seconds: 3_600, reason: 'a load test of theirs' },
    status: 201,
  },
  'DELETE /v1/mutes/:id': { url: '/v1/mutes/not-there', status: 404 },
  'GET /v1/exports/usage': { url: `/v1/exports/usage?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'GET /v1/exports/quotas': { url: `/v1/exports/quotas?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'GET /v1/exports/ai-costs': { url: '/v1/exports/ai-costs', status: 200 },
  'GET /v1/exports/costs': { url: '/v1/exports/costs', status: 200 },
  'GET /v1/exports/margins': { url: '/v1/exports/margins', status: 200 },
  'GET /v1/statements/:tenant_id': { url: `/v1/statements/${OWN}?month=2026-01`, status: 200, statusForOther: 404 },
  'GET /v1/report-schedules': { url: '/v1/report-schedules', status: 200 },
  'POST /v1/report-schedules': {
    url: '/v1/report-schedules',
    payload: {
      ...{ name: 'usage', dataset: 'usage', format: 'csv', period: 'month', url: 'https://finance.example/hook' },
      signing_secret: `whsec_${'A'.repeat(32)}`,
    },
    status: 201,
  },
  'DELETE /v1/report-schedules/:id': { url: '/v1/report-schedules/not-there', status: 404 },
  ...GOOD_COST_REQUESTS,
  'GET /v1/flags': { url: '/v1/flags', status: 200 },
  // A stream would never end under inject: those who get past the door find the feed down. flag-stream.test.ts has the 200.
  'GET /v1/flags/stream': { url: '/v1/flags/stream', status: 503 },
  'POST /v1/events': {
    url: '/v1/events',
    payload: { specversion: '1.0', id: 'e-1', source: 'app', type: 'request', subject: OWN },
    status: 204,
  },
  'GET /v1/usage': { url: `/v1/usage?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'GET /v1/query-audit': { url: '/v1/query-audit', status: 200 },
  'POST /v1/sql': { url: '/v1/sql', payload: { sql: 'SELECT 1' }, status: 200 },
  'GET /v1/sql/tables': { url: '/v1/sql/tables', status: 200 },
  ...GOOD_TELEMETRY_REQUESTS,
  'GET /v1/queries': { url: '/v1/queries', status: 200 },
  'GET /v1/tenants/:id/queries': { url: `/v1/tenants/${OWN}/queries`, status: 200, statusForOther: 404 },
  'GET /v1/tenants/:id/slow-queries': { url: `/v1/tenants/${OWN}/slow-queries`, status: 200, statusForOther: 404 },
  ...GOOD_TRACE_REQUESTS,
  'GET /v1/revenue': { url: '/v1/revenue', status: 200 },
  'GET /v1/revenue/imports': { url: '/v1/revenue/imports', status: 200 },
  'POST /v1/revenue/imports': {
    url: '/v1/revenue/imports',
    payload: { file_name: 'invoices.csv', content: 'invoice_id\n1' },
    status: 200,
  },
  'GET /v1/revenue/unmapped': { url: '/v1/revenue/unmapped', status: 200 },
  'PUT /v1/revenue/customers/:customer_id': {
    url: '/v1/revenue/customers/cus_1',
    payload: { tenant_id: OWN },
    status: 200,
  },
  'GET /v1/margins': { url: '/v1/margins?group_by=plan', status: 200 },
  'GET /v1/margins/features': { url: '/v1/margins/features', status: 200 },
  'PUT /v1/margins/features': { url: '/v1/margins/features', payload: { items: [] }, status: 200 },
  'GET /v1/forecasts': { url: '/v1/forecasts', status: 200 },
  'GET /v1/meters': { url: '/v1/meters', status: 200 },
  'POST /v1/meters': {
    url: '/v1/meters',
    payload: { slug: 'exports', event_type: 'export', aggregation: 'count' },
    status: 201,
  },
  'DELETE /v1/meters/:slug': { url: '/v1/meters/not_there', status: 404 },
  'GET /v1/meters/:slug/query': { url: `/v1/meters/tokens/query?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'GET /v1/meters/:slug/rejected': {
    url: `/v1/meters/tokens/rejected?tenant_id=${OWN}`,
    status: 200,
    statusForOther: 404,
  },
  'GET /ofrep/v1/events': { url: `/ofrep/v1/events?targetingKey=${OWN}`, status: 503, statusForOther: 400 },
  'GET /v1/flags/instances': { url: '/v1/flags/instances', status: 200 },
  'POST /v1/flags/acks': {
    url: '/v1/flags/acks',
    payload: { instance_id: 'i-1', service: 'checkout', revision: 2 },
    status: 204,
  },
  'POST /ofrep/v1/evaluate/flags': {
    url: '/ofrep/v1/evaluate/flags',
    payload: OFREP_BODY,
    status: 200,
    statusForOther: 400,
  },
  'POST /ofrep/v1/evaluate/flags/:key': {
    url: '/ofrep/v1/evaluate/flags/plan',
    payload: OFREP_BODY,
    status: 200,
    statusForOther: 400,
  },
};
