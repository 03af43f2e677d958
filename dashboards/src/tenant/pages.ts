import { type PageEntry, STAFF_PAGE_ROLES, TENANT_PAGE_ROLES } from '../shared/page.ts';

const GROUP = 'Your account';

export const TENANT_PAGES: readonly PageEntry[] = [
  {
    id: 'my-usage',
    path: '/usage',
    title: () => 'Usage',
    roles: TENANT_PAGE_ROLES,
    nav: { group: GROUP, label: 'Usage', hint: 'quota plan limit spend cap statement export', key: 'u' },
    load: async () => (await import('./usage-page.tsx')).MyUsagePage,
  },
  {
    id: 'my-members',
    path: '/account/members',
    title: () => 'Members',
    roles: ['tenant_admin'],
    nav: { group: GROUP, label: 'Members', hint: 'people access invite role' },
    load: async () => (await import('./account-pages.tsx')).MembersPage,
  },
  {
    id: 'my-keys',
    path: '/account/keys',
    title: () => 'Keys',
    roles: ['tenant_admin'],
    nav: { group: GROUP, label: 'Keys', hint: 'api key ingest secret token' },
    load: async () => (await import('./account-pages.tsx')).KeysPage,
  },
  {
    id: 'my-data',
    path: '/account/data',
    title: () => 'Your data',
    roles: ['tenant_admin'],
    nav: { group: GROUP, label: 'Your data', hint: 'export download delete deletion statement' },
    load: async () => (await import('./account-pages.tsx')).DataPage,
  },
  {
    id: 'usage-as-customer',
    path: '/tenants/:tenant_id/usage',
    title: ({ tenant_id: id }) => `Usage of ${id ?? ''}`,
    roles: STAFF_PAGE_ROLES,
    under: 'tenants',
    load: async () => (await import('./usage-page.tsx')).AsCustomerPage,
  },
  {
    id: 'tenant-account',
    path: '/tenants/:tenant_id/account',
    title: ({ tenant_id: id }) => `Account of ${id ?? ''}`,
    roles: ['admin'],
    under: 'tenants',
    load: async () => (await import('./account-pages.tsx')).TenantAccountPage,
  },
  {
    id: 'deletion-requests',
    path: '/deletion-requests',
    title: () => 'Deletion requests',
    roles: ['admin'],
    nav: { group: 'Run Tenantry', label: 'Deletion requests', hint: 'gdpr erase offboard legal hold' },
    load: async () => (await import('./deletions-page.tsx')).DeletionsPage,
  },
  {
    id: 'deletion-certificate',
    path: '/deletion-certificates/:id',
    title: () => 'Certificate of deletion',
    roles: ['admin'],
    under: 'deletion-requests',
    load: async () => (await import('./deletion-certificate-page.tsx')).DeletionCertificatePage,
  },
  {
    id: 'embedded-usage',
    path: '/embed/usage',
    title: () => 'Usage',
    roles: TENANT_PAGE_ROLES,
    bare: true,
    load: async () => (await import('./embed-page.tsx')).EmbeddedUsagePage,
  },
];
