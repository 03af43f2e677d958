import { OPERATIONS_PAGES } from './operations/pages.ts';
import { SALES_PAGES } from './sales/pages.ts';
import type { PageEntry } from './shared/page.ts';
import { SRE_PAGES } from './sre/pages.ts';
import { TENANT_PAGES } from './tenant/pages.ts';

/** Every page there is, in the order of the navigation. The first whose path matches is shown. */
export const PAGES: readonly PageEntry[] = [...SRE_PAGES, ...SALES_PAGES, ...TENANT_PAGES, ...OPERATIONS_PAGES];
