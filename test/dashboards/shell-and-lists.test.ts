/** The frame around all pages and long lists, over answers that the tests set; one browser for all suites here. */
import { describeStubPages } from '../support/dashboards-stub-page.ts';
import { bundleSuite } from './stub/bundle-suite.ts';
import { dataTableSuite } from './stub/data-table-suite.ts';
import { shellSuite } from './stub/shell-suite.ts';
import { tenantsPageSuite } from './stub/tenants-page-suite.ts';
import { tenantsScrollSuite } from './stub/tenants-scroll-suite.ts';

bundleSuite();
describeStubPages('the frame and its lists', {
  'the frame': shellSuite,
  tenants: tenantsPageSuite,
  'very many tenants': tenantsScrollSuite,
  'the shared table': dataTableSuite,
});
