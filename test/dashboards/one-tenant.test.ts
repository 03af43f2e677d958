/** The page of a tenant and what every page must withstand, over answers that the tests set; one browser for all suites here. */
import { describeStubPages } from '../support/dashboards-stub-page.ts';
import { breakersSuite } from './stub/breakers-suite.ts';
import { hostileTextSuite } from './stub/hostile-text-suite.ts';
import { layoutSuite } from './stub/layout-suite.ts';
import { tenantPageSuite } from './stub/tenant-page-suite.ts';

describeStubPages('one tenant', {
  'its page': tenantPageSuite,
  'its breakers': breakersSuite,
  'hostile text': hostileTextSuite,
  layout: layoutSuite,
});
