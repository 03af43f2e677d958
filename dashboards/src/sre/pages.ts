import { type PageEntry, STAFF_PAGE_ROLES } from '../shared/page.ts';

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
    id: 'tenant',
    path: '/tenants/:tenant_id',
    title: (params) => params['tenant_id'] ?? '',
    roles: STAFF_PAGE_ROLES,
    under: 'tenants',
    load: async () => (await import('./tenant-page.tsx')).TenantPage,
  },
];
