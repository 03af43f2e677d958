import { OWN } from './api-harness.ts';

/** The part of `GOOD_REQUESTS` about Tenantry itself: who did what, and how telemetry flows. */
export const GOOD_TELEMETRY_REQUESTS = {
  'GET /v1/audit': { url: `/v1/audit?tenant_id=${OWN}`, status: 200, statusForOther: 404 },
  'GET /v1/audit/chain': { url: '/v1/audit/chain', status: 200 },
  'GET /v1/ingest': { url: '/v1/ingest', status: 200 },
  'GET /v1/quarantine': { url: '/v1/quarantine', status: 200 },
  'GET /v1/quarantine/:id': { url: '/v1/quarantine/not-there', status: 404 },
  'POST /v1/quarantine/:id/replay': { url: '/v1/quarantine/not-there/replay', status: 404 },
  'DELETE /v1/quarantine/:id': { url: '/v1/quarantine/not-there', status: 404 },
  'GET /v1/backups': { url: '/v1/backups', status: 200 },
  'POST /v1/backups': { url: '/v1/backups', payload: {}, status: 202, statusAgain: 409 },
  'POST /v1/backups/figures': {
    url: '/v1/backups/figures',
    payload: { tenant_id: OWN, cut_at: 1_750_000_000_000, snapshot: '10:12:11' },
    status: 200,
  },
  'GET /v1/attribution': { url: '/v1/attribution', status: 200 },
  'GET /v1/detector/runs': { url: '/v1/detector/runs', status: 200 },
  'GET /v1/setup': { url: '/v1/setup', status: 200 },
} as const;
