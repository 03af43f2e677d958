/**
 * Every page for every role, from the real server in a real browser: what is on the screen is what the API returns, and
 * acting on a page changes what an app is told. One server and one browser for all suites here; others in real-business.test.ts.
 */
import { describePages } from '../support/dashboards-describe.ts';
import { auditSuite } from './real/audit-suite.ts';
import { backtestSuite } from './real/backtest-suite.ts';
import { everyPageSuite } from './real/every-page-suite.ts';
import { noisySuite } from './real/noisy-suite.ts';
import { operationsSuite } from './real/operations-suite.ts';
import { setupSuite } from './real/setup-suite.ts';
import { sqlSuite } from './real/sql-suite.ts';
import { tenantSuite } from './real/tenant-suite.ts';
import { tenantsSuite } from './real/tenants-suite.ts';
import { traceSuite } from './real/trace-suite.ts';

describePages('the pages for operating', {
  'every page': everyPageSuite,
  tenants: tenantsSuite,
  'noisy neighbours': noisySuite,
  'rules and replays': backtestSuite,
  operations: operationsSuite,
  'audit log': auditSuite,
  'statements by hand': sqlSuite,
  'first set-up': setupSuite,
  'one tenant': tenantSuite,
  traces: traceSuite,
});
