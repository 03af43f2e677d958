import type { PageEntry } from '../shared/page.ts';

export const SALES_PAGES: readonly PageEntry[] = [];
