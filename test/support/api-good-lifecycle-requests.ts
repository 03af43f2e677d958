import { OWN } from './api-harness.ts';

const of = (rest: string) => `/v1/tenants/${OWN}/${rest}`;
const tenants = { status: 200, statusForOther: 404 };

/** The part of `GOOD_REQUESTS` about a tenant's life. */
export const GOOD_LIFECYCLE_REQUESTS = {
  'POST /v1/tenants': {
    url: '/v1/tenants',
    payload: { tenant_id: 'signed-up', seats: 5 },
    status: 201,
    statusAgain: 200,
  },
  'GET /v1/tenants/:id/state': { url: of('state'), ...tenants },
  'POST /v1/tenants/:id/suspend': {
    url: of('suspend'),
    payload: { reason_code: 'payment', reason: 'unpaid' },
    status: 200,
  },
  'POST /v1/tenants/:id/resume': { url: of('resume'), payload: { reason: 'paid' }, status: 200 },
  'POST /v1/tenants/:id/close': { url: of('close'), payload: { reason: 'left us' }, status: 200 },
  'POST /v1/tenants/:id/reopen': { url: of('reopen'), payload: { reason: 'came back' }, status: 200 },
  'GET /v1/tenants/:id/plan': { url: of('plan'), ...tenants },
  'DELETE /v1/tenants/:id/plan/scheduled': { url: of('plan/scheduled'), status: 404 },
  'GET /v1/retention': { url: '/v1/retention', status: 200 },
  'POST /v1/retention/runs': { url: '/v1/retention/runs', payload: {}, status: 202 },
  'GET /v1/tenants/:id/retention': { url: of('retention'), ...tenants },
  'PUT /v1/tenants/:id/retention': { url: of('retention'), payload: { spans_days: 3 }, status: 200 },
  'PUT /v1/plans/:plan/retention': { url: '/v1/plans/growth/retention', payload: { spans_days: 3 }, status: 200 },
};
