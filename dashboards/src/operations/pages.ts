import { OPERATOR_ROLES, type PageEntry, STAFF_PAGE_ROLES } from '../shared/page.ts';

export const OPERATIONS_PAGES: readonly PageEntry[] = [
  {
    id: 'alerts',
    path: '/alerts',
    title: () => 'Alerts',
    roles: STAFF_PAGE_ROLES,
    nav: { group: 'Run Tenantry', label: 'Alerts', hint: 'acknowledge mute on call page notices' },
    load: async () => (await import('./alert-page.tsx')).AlertsPage,
  },
  {
    id: 'alert-routes',
    path: '/alert-routes',
    title: () => 'Alert routes',
    roles: OPERATOR_ROLES,
    under: 'alerts',
    load: async () => (await import('./alert-routes-page.tsx')).AlertRoutesPage,
  },
];
