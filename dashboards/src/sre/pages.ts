import { OPERATOR_ROLES, type PageEntry, STAFF_PAGE_ROLES } from '../shared/page.ts';

export const SRE_PAGES: readonly PageEntry[] = [
  {
    id: 'tenants',
    path: '/',
    title: () => 'Tenants',
    roles: STAFF_PAGE_ROLES,
    nav: { group: 'Operate', label: 'Tenants', hint: 'all customers latency requests errors' },
    load: async () => (await import('./tenants-page.tsx')).TenantsPage,
  },
  {
    id: 'noisy',
    path: '/noisy',
    title: () => 'Noisy neighbours',
    roles: OPERATOR_ROLES,
    nav: { group: 'Operate', label: 'Noisy neighbours', hint: 'who hurts whom blame throttle kill switch timeline' },
    load: async () => (await import('./noisy-page.tsx')).NoisyPage,
  },
  {
    id: 'tenant',
    path: '/tenants/:tenant_id',
    title: (params) => params['tenant_id'] ?? '',
    roles: STAFF_PAGE_ROLES,
    under: 'tenants',
    load: async () => (await import('./tenant-page.tsx')).TenantPage,
  },
  {
    id: 'traces',
    path: '/tenants/:tenant_id/traces',
    title: (params) => `Traces of ${params['tenant_id'] ?? ''}`,
    roles: STAFF_PAGE_ROLES,
    under: 'tenants',
    load: async () => (await import('./trace-list-page.tsx')).TraceListPage,
  },
  {
    id: 'trace',
    path: '/tenants/:tenant_id/traces/:trace_id',
    title: (params) => `Trace ${(params['trace_id'] ?? '').slice(0, 8)}`,
    roles: STAFF_PAGE_ROLES,
    under: 'tenants',
    load: async () => (await import('./trace-page.tsx')).TracePage,
  },
];
