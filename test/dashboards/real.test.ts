/**
 * Every page for every role, from the real server in a real browser: what is on the screen is what the API returns, and
 * acting on a page changes what an app is told. One server and one browser for all suites in ./real/.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { NO_BROWSER } from '../support/dashboards-browser.ts';
import { type DashboardsWorld, startDashboardsWorld } from '../support/dashboards-world.ts';
import { alertsSuite } from './real/alerts-suite.ts';
import { auditSuite } from './real/audit-suite.ts';
import { backtestSuite } from './real/backtest-suite.ts';
import { billsSuite } from './real/bills-suite.ts';
import { costSuite } from './real/cost-suite.ts';
import { embedSuite } from './real/embed-suite.ts';
import { everyPageSuite } from './real/every-page-suite.ts';
import { lifecycleSuite } from './real/lifecycle-suite.ts';
import { myUsageSuite } from './real/my-usage-suite.ts';
import { noisySuite } from './real/noisy-suite.ts';
import { operationsSuite } from './real/operations-suite.ts';
import { pricesSuite } from './real/prices-suite.ts';
import { revenueSuite } from './real/revenue-suite.ts';
import { setupSuite } from './real/setup-suite.ts';
import { tenantSuite } from './real/tenant-suite.ts';
import { tenantsSuite } from './real/tenants-suite.ts';
import { traceSuite } from './real/trace-suite.ts';
import { upsellSuite } from './real/upsell-suite.ts';

let started: DashboardsWorld | undefined;

function world(): DashboardsWorld {
  if (started === undefined) throw new Error('the world has not started');
  return started;
}

describe.skipIf(NO_BROWSER !== undefined)(
  `the pages over the real server${NO_BROWSER === undefined ? '' : ` (skipped: ${NO_BROWSER})`}`,
  () => {
    beforeAll(async () => {
      started = await startDashboardsWorld({ TENANTRY_ALERT_ALLOW_RANGES: '127.0.0.0/8' });
    });
    afterAll(async () => {
      await started?.end();
    });

    describe('every page', () => everyPageSuite(world));
    describe('tenants', () => tenantsSuite(world));
    describe('noisy neighbours', () => noisySuite(world));
    describe('rules and replays', () => backtestSuite(world));
    describe('operations', () => operationsSuite(world));
    describe('audit log', () => auditSuite(world));
    describe('first set-up', () => setupSuite(world));
    describe('one tenant', () => tenantSuite(world));
    describe('traces', () => traceSuite(world));
    describe('cost and margin', () => costSuite(world));
    describe('whom to talk to', () => upsellSuite(world));
    describe('customers', () => lifecycleSuite(world));
    describe('my usage', () => myUsageSuite(world));
    describe('usage in a frame', () => embedSuite(world));
    describe('alerts', () => alertsSuite(world));
    describe('prices', () => pricesSuite(world));
    describe('bills', () => billsSuite(world));
    describe('revenue, keys and plans', () => revenueSuite(world));
  },
);
