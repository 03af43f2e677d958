import { OWN } from './api-harness.ts';

const SOME_ID = '00000000-0000-4000-8000-000000000001';

/** The part of `GOOD_REQUESTS` about plans, quotas, signals and placement. */
export const GOOD_SALES_REQUESTS = {
  'GET /v1/plans': { url: '/v1/plans', status: 200 },
  'GET /v1/plans/:plan': { url: '/v1/plans/not-there', status: 404 },
  'PUT /v1/plans/:plan': {
    url: '/v1/plans/growth',
    payload: {
      quotas: [{ key: 'requests', period: 'month', limit: 1_000_000 }],
      guarantee_rps: 5,
      ceiling_rps: 50,
      features: ['search'],
      price: { amount_micro: 99_000_000, currency: 'USD' },
    },
    status: 200,
  },
  'GET /v1/quotas': { url: `/v1/quotas?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'PUT /v1/tenants/:id/seats': { url: `/v1/tenants/${OWN}/seats`, payload: { seats: 12 }, status: 200 },
  'PUT /v1/tenants/:id/billing-day': { url: `/v1/tenants/${OWN}/billing-day`, payload: { day: 15 }, status: 200 },
  'GET /v1/burst-credits': { url: `/v1/burst-credits?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'GET /v1/burst-credits/entries': {
    url: `/v1/burst-credits/entries?tenant_id=${OWN}`,
    status: 200,
    statusForOther: 404,
  },
  'POST /v1/burst-credits/spend': {
    url: '/v1/burst-credits/spend',
    payload: { id: SOME_ID, tenant_id: OWN, key: 'requests', amount: 5, reason: 'a launch' },
    status: 200,
  },
  'GET /v1/signals': { url: '/v1/signals', status: 200 },
  'POST /v1/signals/:id/dismiss': {
    url: '/v1/signals/not-there/dismiss',
    payload: { reason: 'we are talking' },
    status: 404,
  },
  'GET /v1/dedicated-offers': { url: '/v1/dedicated-offers', status: 200 },
  'PUT /v1/dedicated-offers': {
    url: '/v1/dedicated-offers',
    payload: { currency: 'USD', offers: [], pools: [] },
    status: 200,
  },
  'GET /v1/placement-advice': { url: '/v1/placement-advice', status: 200 },
  'PUT /v1/tenants/:id/placement': {
    url: `/v1/tenants/${OWN}/placement`,
    payload: { placement: 'pooled', reason: 'it fits' },
    status: 200,
  },
} as const;
