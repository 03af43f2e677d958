import { OWN } from './api-harness.ts';
import { TRACE_ID } from './api-memory-traces.ts';

/** Requests about traces, right in everything but, perhaps, who sends them; about the tenant OWN. */
export const GOOD_TRACE_REQUESTS = {
  'GET /v1/tenants/:id/traces': { url: `/v1/tenants/${OWN}/traces`, status: 200, statusForOther: 404 },
  'GET /v1/tenants/:id/traces/:trace_id': {
    url: `/v1/tenants/${OWN}/traces/${TRACE_ID}`,
    status: 200,
    statusForOther: 404,
  },
  'GET /v1/tenants/:id/latency-heat': { url: `/v1/tenants/${OWN}/latency-heat`, status: 200, statusForOther: 404 },
} as const;
