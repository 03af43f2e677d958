import type { PageEntry } from '../shared/page.ts';

export const OPERATIONS_PAGES: readonly PageEntry[] = [];
