import { type PageEntry, SALES_ROLES } from '../shared/page.ts';

export const SALES_PAGES: readonly PageEntry[] = [
  {
    id: 'costs',
    path: '/costs',
    title: () => 'Cost and margin',
    roles: ['admin', 'sre', 'sales'],
    nav: {
      group: 'Money',
      label: 'Cost and margin',
      hint: 'bill revenue margin spend forecast month plan feature mrr churn',
      key: 'c',
    },
    load: async () => (await import('./cost-page.tsx')).CostPage,
  },
  {
    id: 'tenant-cost',
    path: '/costs/:tenant_id',
    title: (params) => `Cost of ${params['tenant_id'] ?? ''}`,
    roles: ['admin', 'sre', 'sales'],
    load: async () => (await import('./cost-tenant-page.tsx')).TenantCostPage,
  },
  {
    id: 'margins',
    path: '/margins',
    title: () => 'Margin by plan and feature',
    roles: SALES_ROLES,
    under: 'costs',
    load: async () => (await import('./margin-page.tsx')).MarginPage,
  },
  {
    id: 'upsell',
    path: '/upsell',
    title: () => 'Who to talk to',
    roles: SALES_ROLES,
    nav: {
      group: 'Money',
      label: 'Who to talk to',
      hint: 'upsell signals growth near quota dedicated candidates renewal',
      key: 's',
    },
    load: async () => (await import('./upsell-page.tsx')).UpsellPage,
  },
  {
    id: 'customer-sheet',
    path: '/customers/:tenant_id/sheet',
    title: (params) => `${params['tenant_id'] ?? ''}: customer sheet`,
    roles: SALES_ROLES,
    under: 'upsell',
    load: async () => (await import('./sheet-page.tsx')).SheetPage,
  },
];
