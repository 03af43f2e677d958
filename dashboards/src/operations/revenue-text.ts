export const REVENUE_TABS = [
  ['/revenue', 'Revenue'],
  ['/revenue/features', 'Features'],
] as const;
