import type { Actor } from '../domain/actor.ts';
import type { KeyScope, Role, StaffRole, TenantRole } from '../domain/roles.ts';
import { MONEY_PERMISSIONS } from './permissions-money.ts';

/** Who may use a route. `public`: anybody, without credentials. */
export type Access = 'public' | { readonly roles: readonly Role[]; readonly keyScopes: readonly KeyScope[] };

const STAFF = ['admin', 'sre', 'sales', 'automation'] as const satisfies readonly StaffRole[];
const OPERATORS = ['admin', 'sre', 'automation'] as const satisfies readonly StaffRole[];
const OWN_TENANT = ['tenant_admin', 'member', 'viewer'] as const satisfies readonly TenantRole[];

const everybody = { roles: [...STAFF, ...OWN_TENANT], keyScopes: [] } as const;
const operators = { roles: OPERATORS, keyScopes: [] } as const;
const admins = { roles: ['admin'], keyScopes: [] } as const;
/** Who keeps a tenant's account: the operator's admins any, a tenant's own admins theirs. */
const keepers = { roles: ['admin', 'tenant_admin'], keyScopes: [] } as const;
/** Sales negotiate contracts and what single tenants pay; the list itself is the admins'. */
const sales = { roles: ['admin', 'sales'], keyScopes: [] } as const;
/** Four eyes are those of people: a role for machines has none. */
const people = { roles: ['admin', 'sre'], keyScopes: [] } as const;
/** A customer's directory, and nothing else: its key opens no other row. */
const directories = { roles: [], keyScopes: ['scim'] } as const;
const apps = { roles: OPERATORS, keyScopes: ['flags'] } as const;

/**
 * The one table of who may do what. A route that is not in it cannot be registered (`guard.ts`), a row without a
 * route fails the tests. Tenant roles see their own tenant only, whatever a row says; that is checked per request.
 */
export const PERMISSIONS = {
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /metrics': operators,
  'GET /metrics/tenants': operators,
  'GET /openapi.json': 'public',
  'GET /signin': 'public',
  'GET /*': 'public',
  'GET /v1/whoami': { roles: [...STAFF, ...OWN_TENANT], keyScopes: ['ingest', 'flags'] },
  'POST /v1/session/end': everybody,
  'POST /v1/sign-in-links': admins,
  'GET /v1/keys': keepers,
  'POST /v1/keys': keepers,
  'DELETE /v1/keys/:id': keepers,
  'POST /v1/keys/:id/rotate': keepers,
  'DELETE /v1/keys/:id/previous': keepers,
  'GET /v1/members': keepers,
  'POST /v1/members': keepers,
  'PUT /v1/members/:id': keepers,
  'DELETE /v1/members/:id': keepers,
  'POST /v1/members/:id/sign-in-link': keepers,
  'GET /v1/scim': keepers,
  'PUT /v1/scim/role-rules': keepers,
  'DELETE /v1/scim': keepers,
  'GET /scim/v2/ServiceProviderConfig': directories,
  'GET /scim/v2/ResourceTypes': directories,
  'GET /scim/v2/ResourceTypes/:id': directories,
  'GET /scim/v2/Schemas': directories,
  'GET /scim/v2/Schemas/:id': directories,
  'GET /scim/v2/Users': directories,
  'POST /scim/v2/Users': directories,
  'GET /scim/v2/Users/:id': directories,
  'PUT /scim/v2/Users/:id': directories,
  'PATCH /scim/v2/Users/:id': directories,
  'DELETE /scim/v2/Users/:id': directories,
  'GET /scim/v2/Groups': directories,
  'POST /scim/v2/Groups': directories,
  'GET /scim/v2/Groups/:id': directories,
  'PUT /scim/v2/Groups/:id': directories,
  'PATCH /scim/v2/Groups/:id': directories,
  'DELETE /scim/v2/Groups/:id': directories,
  'GET /v1/deletion-requests': keepers,
  'POST /v1/deletion-requests': keepers,
  'DELETE /v1/deletion-requests/:id': keepers,
  'POST /v1/deletion-requests/:id/start': admins,
  'GET /v1/deletion-certificates': admins,
  'GET /v1/deletion-certificates/:id': admins,
  'POST /v1/deletion-certificates/:id/verify': admins,
  'GET /v1/legal-holds': admins,
  'PUT /v1/legal-holds/:tenant_id': admins,
  'DELETE /v1/legal-holds/:tenant_id': admins,
  'GET /v1/embed-tokens': { roles: ['admin', 'sales', 'automation'], keyScopes: [] },
  'POST /v1/embed-tokens': { roles: ['admin', 'sales', 'automation'], keyScopes: [] },
  'DELETE /v1/embed-tokens/:id': { roles: ['admin', 'sales', 'automation'], keyScopes: [] },
  'GET /v1/tenants': everybody,
  // Signing up is a machine's work, too.
  'POST /v1/tenants': { roles: ['admin', 'sales', 'automation'], keyScopes: [] },
  'GET /v1/tenants/:id/state': everybody,
  'POST /v1/tenants/:id/suspend': operators,
  'POST /v1/tenants/:id/resume': operators,
  'POST /v1/tenants/:id/close': admins,
  'POST /v1/tenants/:id/reopen': admins,
  'GET /v1/tenants/:id/plan': everybody,
  'DELETE /v1/tenants/:id/plan/scheduled': sales,
  'GET /v1/retention': { roles: ['admin', 'sre', 'sales'], keyScopes: [] },
  'POST /v1/retention/runs': admins,
  'GET /v1/tenants/:id/retention': everybody,
  // What is removed is gone: not for everybody who may change a plan.
  'PUT /v1/tenants/:id/retention': admins,
  'PUT /v1/plans/:plan/retention': admins,
  'GET /v1/tenants/:id/metrics': everybody,
  'GET /v1/tenants/:id/queries': everybody,
  'GET /v1/tenants/:id/slow-queries': everybody,
  'GET /v1/tenants/:id/traces': everybody,
  'GET /v1/tenants/:id/traces/:trace_id': everybody,
  'GET /v1/tenants/:id/latency-heat': everybody,
  'GET /v1/queries': { roles: STAFF, keyScopes: [] },
  'GET /v1/query-audit': { roles: STAFF, keyScopes: [] },
  'POST /v1/sql': { roles: ['admin', 'sre', 'tenant_admin', 'member'], keyScopes: [] },
  'GET /v1/sql/tables': { roles: ['admin', 'sre', 'tenant_admin', 'member'], keyScopes: [] },
  'GET /v1/audit': { roles: ['admin', 'sre', 'tenant_admin'], keyScopes: [] },
  'GET /v1/audit/chain': people,
  'GET /v1/ingest': operators,
  'GET /v1/quarantine': operators,
  'GET /v1/quarantine/:id': operators,
  'POST /v1/quarantine/:id/replay': operators,
  'DELETE /v1/quarantine/:id': operators,
  'GET /v1/backups': operators,
  'POST /v1/backups': admins,
  'POST /v1/backups/figures': admins,
  'GET /v1/attribution': { roles: STAFF, keyScopes: [] },
  'GET /v1/detector/runs': operators,
  'GET /v1/setup': { roles: STAFF, keyScopes: [] },
  'GET /v1/usage': everybody,
  'GET /v1/tenant-directory': { roles: ['admin', 'sre', 'sales'], keyScopes: [] },
  'PUT /v1/tenants/:id/plan': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/tenant-profiles': { roles: STAFF, keyScopes: [] },
  'PUT /v1/tenants/:id/profile': sales,
  'POST /v1/tenant-profiles/imports': sales,
  'GET /v1/anomalies': everybody,
  'GET /v1/neighbors': operators,
  'GET /v1/throttles': everybody,
  'POST /v1/throttles': operators,
  'DELETE /v1/throttles/:id': operators,
  'GET /v1/caps': everybody,
  'PUT /v1/caps/:tenant_id': { roles: STAFF, keyScopes: [] },
  'DELETE /v1/caps/:tenant_id': { roles: STAFF, keyScopes: [] },
  'GET /v1/plan-caps': { roles: STAFF, keyScopes: [] },
  'PUT /v1/plan-caps/:plan': { roles: ['admin', 'sales'], keyScopes: [] },
  'DELETE /v1/plan-caps/:plan': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/plan-features': everybody,
  'GET /v1/plans': { roles: STAFF, keyScopes: [] },
  'GET /v1/plans/:plan': { roles: STAFF, keyScopes: [] },
  'PUT /v1/plans/:plan': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/quotas': everybody,
  'PUT /v1/tenants/:id/seats': { roles: ['admin', 'sales', 'automation'], keyScopes: [] },
  'PUT /v1/tenants/:id/billing-day': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/burst-credits': everybody,
  'GET /v1/burst-credits/entries': everybody,
  'POST /v1/burst-credits/spend': { roles: ['admin', 'automation'], keyScopes: [] },
  ...MONEY_PERMISSIONS,
  'GET /v1/signals': { roles: ['admin', 'sales'], keyScopes: [] },
  'POST /v1/signals/:id/dismiss': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/dedicated-offers': { roles: ['admin', 'sre', 'sales'], keyScopes: [] },
  'PUT /v1/dedicated-offers': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/placement-advice': { roles: ['admin', 'sre', 'sales'], keyScopes: [] },
  'PUT /v1/tenants/:id/placement': { roles: ['admin', 'sre'], keyScopes: [] },
  'POST /v1/spend/reservations': { roles: [], keyScopes: ['flags'] },
  'POST /v1/spend/settlements': { roles: [], keyScopes: ['flags'] },
  'GET /v1/breakers': everybody,
  'POST /v1/breakers/reports': { roles: [], keyScopes: ['flags'] },
  'POST /v1/breakers/orders': operators,
  'DELETE /v1/breakers/orders/:id': operators,
  'GET /v1/degradations': everybody,
  'POST /v1/degradations': operators,
  'DELETE /v1/degradations/:id': operators,
  'GET /v1/alerts': { roles: STAFF, keyScopes: [] },
  'POST /v1/alerts/:id/ack': operators,
  'GET /v1/alert-routes': operators,
  'POST /v1/alert-routes': operators,
  'DELETE /v1/alert-routes/:id': operators,
  'POST /v1/alert-routes/:id/test': operators,
  'GET /v1/mutes': operators,
  'POST /v1/mutes': operators,
  'DELETE /v1/mutes/:id': operators,
  'GET /v1/control/kill-switch': operators,
  'PUT /v1/control/kill-switch': operators,
  'GET /v1/control/allow-list': operators,
  'PUT /v1/control/allow-list/:tenant_id': operators,
  'DELETE /v1/control/allow-list/:tenant_id': operators,
  'GET /v1/control/reach': operators,
  'GET /v1/control/rules': operators,
  'GET /v1/control/rules/:rule/stage': operators,
  'PUT /v1/control/rules/:rule/stage': people,
  'GET /v1/control/tenant-stages': operators,
  'PUT /v1/control/tenant-stages/:tenant_id': operators,
  'DELETE /v1/control/tenant-stages/:tenant_id': operators,
  'GET /v1/control/approvals': operators,
  'POST /v1/control/approvals/:id/approve': people,
  'POST /v1/control/approvals/:id/deny': people,
  'GET /v1/control/known-peaks': operators,
  'POST /v1/control/known-peaks': operators,
  'PUT /v1/control/known-peaks/:id': operators,
  'DELETE /v1/control/known-peaks/:id': operators,
  'GET /v1/backtests': operators,
  'POST /v1/backtests': operators,
  'GET /v1/backtests/:id': operators,
  'DELETE /v1/backtests/:id': operators,
  'GET /v1/decisions': operators,
  'GET /v1/deploys': { roles: STAFF, keyScopes: [] },
  'POST /v1/deploys': { roles: OPERATORS, keyScopes: ['ingest'] },
  'GET /v1/exports/usage': everybody,
  'GET /v1/exports/quotas': everybody,
  'GET /v1/exports/ai-costs': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/exports/costs': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/exports/margins': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/tenant-exports': keepers,
  'POST /v1/tenant-exports': keepers,
  'GET /v1/tenant-exports/:id': keepers,
  'DELETE /v1/tenant-exports/:id': keepers,
  'GET /v1/tenant-exports/:id/file': keepers,
  'GET /v1/tenant-restores': admins,
  'POST /v1/tenant-restores': admins,
  'GET /v1/tenant-restores/:id': admins,
  'GET /v1/statements/:tenant_id': everybody,
  'GET /v1/report-schedules': { roles: ['admin', 'sales'], keyScopes: [] },
  'POST /v1/report-schedules': { roles: ['admin', 'sales'], keyScopes: [] },
  'DELETE /v1/report-schedules/:id': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/storage': everybody,
  'POST /v1/storage': { roles: ['admin', 'automation'], keyScopes: ['ingest'] },
  'GET /v1/storage/targets': admins,
  'POST /v1/storage/targets': admins,
  'DELETE /v1/storage/targets/:id': admins,
  'POST /v1/storage/targets/:id/collect': admins,
  'GET /v1/flags': apps,
  'GET /v1/flags/stream': apps,
  'GET /v1/flags/instances': operators,
  'POST /v1/flags/acks': { roles: [], keyScopes: ['flags'] },
  'POST /v1/events': { roles: ['admin', 'automation'], keyScopes: ['ingest'] },
  'GET /v1/meters': everybody,
  'POST /v1/meters': { roles: ['admin', 'sales'], keyScopes: [] },
  'DELETE /v1/meters/:slug': { roles: ['admin', 'sales'], keyScopes: [] },
  'GET /v1/meters/:slug/query': everybody,
  'GET /v1/meters/:slug/rejected': everybody,
  'GET /ofrep/v1/events': apps,
  'POST /ofrep/v1/evaluate/flags': apps,
  'POST /ofrep/v1/evaluate/flags/:key': apps,
} as const satisfies Record<string, Access>;

const ROWS: ReadonlyMap<string, Access> = new Map(Object.entries(PERMISSIONS));

/** The row of a route, or undefined if the table has none. HEAD is allowed to whoever may GET. */
export function accessOf(method: string, url: string): Access | undefined {
  return ROWS.get(`${method === 'HEAD' ? 'GET' : method} ${url}`);
}

/** Whether `actor` may use a route with this row, before any question of whose data it is about. */
export function mayUse(actor: Actor, access: Access): boolean {
  if (access === 'public') return true;
  switch (actor.kind) {
    case 'staff':
    case 'tenant':
      return access.roles.includes(actor.role);
    case 'key':
      return actor.scopes.some((scope) => access.keyScopes.includes(scope));
    case 'system':
      return false;
  }
}

/** Methods that some route has for this concrete path; empty if no route has it. Paths of static files do not count. */
export function methodsOf(path: string): string[] {
  const segments = path.split('/');
  const matches = (pattern: string) => {
    const parts = pattern.split('/');
    return (
      parts.length === segments.length &&
      parts.every((part, index) => (part.startsWith(':') ? segments[index] !== '' : part === segments[index]))
    );
  };
  return [...ROWS.keys()].flatMap((row) => {
    const [method = '', pattern = ''] = row.split(' ');
    return matches(pattern) ? [method] : [];
  });
}
