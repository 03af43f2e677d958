import { OWN } from './api-harness.ts';

const SOME_ID = '00000000-0000-4000-8000-000000000001';

/** The part of `GOOD_REQUESTS` about bills and costs. */
export const GOOD_COST_REQUESTS = {
  'GET /v1/bills': { url: '/v1/bills', status: 200 },
  // The file is the body; bills.test.ts sends files.
  'POST /v1/bills': { url: '/v1/bills', status: 400 },
  'GET /v1/bills/:id': { url: '/v1/bills/not-there', status: 404 },
  'DELETE /v1/bills/:id': { url: '/v1/bills/not-there', status: 404 },
  'POST /v1/bills/:id/allocate': { url: '/v1/bills/not-there/allocate', status: 404 },
  'GET /v1/allocation-rules': { url: '/v1/allocation-rules', status: 200 },
  'GET /v1/allocation-rules/versions': { url: '/v1/allocation-rules/versions', status: 200 },
  // Only the first caller changes version 0; bills.test.ts changes more.
  'PUT /v1/allocation-rules': { url: '/v1/allocation-rules', payload: { based_on: 7, rules: [] }, status: 409 },
  'POST /v1/allocation-rules/preview': {
    url: '/v1/allocation-rules/preview',
    payload: { bill_id: SOME_ID, rules: [] },
    status: 404,
  },
  'GET /v1/costs': { url: '/v1/costs', status: 200 },
  'GET /v1/costs/trend': { url: '/v1/costs/trend', status: 200 },
  'GET /v1/costs/:tenant_id/explain': { url: `/v1/costs/${OWN}/explain`, status: 200 },
  'GET /v1/export/focus': { url: '/v1/export/focus', status: 200 },
} as const;
