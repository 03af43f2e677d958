/** What the isolation matrix expects beyond the permission table: how each open route answers about which tenant. */
import { GOOD_REQUESTS, type Row } from './api-good-requests.ts';

interface OpenRoute {
  /** Staff who name the other tenant read its word there; so a tenant that does not has been kept from something. */
  readonly tells: boolean;
  /** To those who are bound to a tenant and name another, there or not; absent: 404. */
  readonly foreign?: number;
  /** To those who are bound and name none; absent: as if they had named their own. */
  readonly unnamed?: number;
  /** To those who are bound, whatever they ask; absent: as to staff. */
  readonly bound?: number;
}

const TELLS = { tells: true } as const;
const PLAIN = { tells: false } as const;
const MUST_NAME_ONE = { tells: false, unnamed: 400 } as const;
const OF_FLAGS = { tells: false, foreign: 400, unnamed: 400 } as const;

/** Tenants have SQL of their own on a ClickHouse server only. */
const ON_A_SERVER = { tells: false, bound: 501 } as const;

/** Every route that callers bound to one tenant may use, each by decision. */
export const OPEN_TO_TENANTS: Readonly<Partial<Record<Row, OpenRoute>>> = {
  'GET /v1/whoami': PLAIN,
  'POST /v1/session/end': PLAIN,
  'GET /v1/keys': TELLS,
  'POST /v1/keys': PLAIN,
  'DELETE /v1/keys/:id': PLAIN,
  'POST /v1/keys/:id/rotate': PLAIN,
  'DELETE /v1/keys/:id/previous': PLAIN,
  'GET /v1/members': TELLS,
  'POST /v1/members': PLAIN,
  'PUT /v1/members/:id': PLAIN,
  'DELETE /v1/members/:id': PLAIN,
  'POST /v1/members/:id/sign-in-link': PLAIN,
  'GET /v1/deletion-requests': TELLS,
  'POST /v1/deletion-requests': PLAIN,
  'DELETE /v1/deletion-requests/:id': PLAIN,
  'GET /v1/tenants': PLAIN,
  'GET /v1/tenants/:id/metrics': PLAIN,
  'GET /v1/tenants/:id/queries': TELLS,
  'GET /v1/tenants/:id/slow-queries': TELLS,
  'GET /v1/tenants/:id/traces': TELLS,
  'GET /v1/tenants/:id/traces/:trace_id': TELLS,
  'GET /v1/tenants/:id/latency-heat': TELLS,
  'GET /v1/audit': TELLS,
  'GET /v1/usage': PLAIN,
  'GET /v1/anomalies': PLAIN,
  'GET /v1/throttles': TELLS,
  'GET /v1/caps': TELLS,
  'GET /v1/quotas': PLAIN,
  'GET /v1/burst-credits': PLAIN,
  'GET /v1/burst-credits/entries': PLAIN,
  'GET /v1/breakers': TELLS,
  'GET /v1/degradations': TELLS,
  'GET /v1/exports/usage': PLAIN,
  'GET /v1/exports/quotas': PLAIN,
  'GET /v1/statements/:tenant_id': PLAIN,
  'GET /v1/storage': TELLS,
  'GET /v1/meters': PLAIN,
  'GET /v1/meters/:slug/query': PLAIN,
  'GET /v1/meters/:slug/rejected': PLAIN,
  'POST /v1/storage': MUST_NAME_ONE,
  // A deploy is the operator's: their keys are bound to no tenant.
  'POST /v1/deploys': { tells: false, unnamed: 403 },
  'POST /v1/events': { tells: false, foreign: 403, unnamed: 400 },
  'POST /v1/spend/reservations': MUST_NAME_ONE,
  'POST /v1/spend/settlements': MUST_NAME_ONE,
  // What is refused is a number in the answer.
  'POST /v1/breakers/reports': { tells: false, foreign: 200, unnamed: 400 },
  'GET /v1/plan-features': PLAIN,
  'GET /v1/scim': PLAIN,
  'PUT /v1/scim/role-rules': PLAIN,
  'DELETE /v1/scim': PLAIN,
  'GET /scim/v2/ServiceProviderConfig': PLAIN,
  'GET /scim/v2/ResourceTypes': PLAIN,
  'GET /scim/v2/ResourceTypes/:id': PLAIN,
  'GET /scim/v2/Schemas': PLAIN,
  'GET /scim/v2/Schemas/:id': PLAIN,
  'GET /scim/v2/Users': PLAIN,
  'POST /scim/v2/Users': PLAIN,
  'GET /scim/v2/Users/:id': PLAIN,
  'PUT /scim/v2/Users/:id': PLAIN,
  'PATCH /scim/v2/Users/:id': PLAIN,
  'DELETE /scim/v2/Users/:id': PLAIN,
  'GET /scim/v2/Groups': PLAIN,
  'POST /scim/v2/Groups': PLAIN,
  'GET /scim/v2/Groups/:id': PLAIN,
  'PUT /scim/v2/Groups/:id': PLAIN,
  'PATCH /scim/v2/Groups/:id': PLAIN,
  'DELETE /scim/v2/Groups/:id': PLAIN,
  'GET /v1/tenant-exports': PLAIN,
  'POST /v1/tenant-exports': PLAIN,
  'GET /v1/tenant-exports/:id': PLAIN,
  'DELETE /v1/tenant-exports/:id': PLAIN,
  'GET /v1/tenant-exports/:id/file': PLAIN,
  'GET /v1/tenants/:id/state': PLAIN,
  'GET /v1/tenants/:id/plan': PLAIN,
  'GET /v1/tenants/:id/retention': PLAIN,
  'POST /v1/sql': ON_A_SERVER,
  'GET /v1/sql/tables': ON_A_SERVER,
  'GET /v1/flags': PLAIN,
  'GET /v1/flags/stream': PLAIN,
  'POST /v1/flags/acks': PLAIN,
  'GET /ofrep/v1/events': OF_FLAGS,
  'POST /ofrep/v1/evaluate/flags': OF_FLAGS,
  'POST /ofrep/v1/evaluate/flags/:key': OF_FLAGS,
};

const ONCE = [201, 409];
const GONE_AFTERWARDS = [204, 404];

/** Where real stores answer those who may otherwise than the stand-ins that GOOD_REQUESTS was written for. */
const REAL: Readonly<Partial<Record<Row, readonly number[]>>> = {
  'POST /v1/members': ONCE,
  'POST /v1/deletion-requests': ONCE,
  'POST /v1/meters': ONCE,
  // Whoever asks next has not seen the rules of whoever asked first.
  'PUT /v1/scim/role-rules': [200, 409],
  // One of a tenant at a time.
  'POST /v1/tenant-exports': [202, 409],
  // No such archive is here.
  'POST /v1/tenant-restores': [404],
  'POST /v1/alert-routes': ONCE,
  'POST /v1/report-schedules': ONCE,
  'POST /v1/storage/targets': ONCE,
  'POST /v1/repricings': ONCE,
  'POST /v1/months/:month/close': ONCE,
  'POST /v1/retention/runs': [202, 409],
  'PUT /v1/plans/:plan/retention': [200, 404],
  'POST /v1/tenants': [200, 201, 409],
  // Automation does not touch what a person has decided a moment ago.
  'POST /v1/tenants/:id/suspend': [200, 403, 409],
  'POST /v1/tenants/:id/resume': [200, 403, 409],
  'POST /v1/tenants/:id/close': [200, 409],
  'POST /v1/tenants/:id/reopen': [200, 409],
  'DELETE /v1/scim': GONE_AFTERWARDS,
  'DELETE /v1/legal-holds/:tenant_id': GONE_AFTERWARDS,
  'DELETE /v1/control/allow-list/:tenant_id': GONE_AFTERWARDS,
  'DELETE /v1/control/tenant-stages/:tenant_id': GONE_AFTERWARDS,
  // A few wait, more are too many.
  'POST /v1/backtests': [202, 429],
  // The book has moved on from the version that the request names.
  'POST /v1/prices/imports': [201, 409],
  // A file that cannot be read.
  'POST /v1/revenue/imports': [400],
  'GET /v1/flags/stream': [200],
  'GET /ofrep/v1/events': [200],
};

/** The statuses with which a caller who may use the route can be answered. */
export function statusesOf(
  row: Row,
  caller: 'staff' | 'bound',
  target: 'own' | 'other' | 'absent' | 'none',
): readonly number[] {
  const usual = REAL[row] ?? [GOOD_REQUESTS[row].status];
  const { foreign = 404, unnamed, bound } = OPEN_TO_TENANTS[row] ?? {};
  if (caller === 'bound' && bound !== undefined) return [bound];
  if (target === 'own') return usual;
  if (caller === 'bound') {
    if (target !== 'none') return [foreign];
    return unnamed === undefined ? usual : [unnamed];
  }
  // What staff learn of a tenant that is not there, or without naming one, keeps nobody apart from anybody.
  return target === 'other' ? usual : [...usual, target === 'absent' ? 404 : 400];
}
