import type { PageEntry } from '../shared/page.ts';

export const TENANT_PAGES: readonly PageEntry[] = [];
