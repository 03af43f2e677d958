/**
 * Every page for every role, from the real server in a real browser: what is on the screen is what the API returns, and
 * acting on a page changes what an app is told. One server and one browser for all suites in ./real/.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { NO_BROWSER } from '../support/dashboards-browser.ts';
import { type DashboardsWorld, startDashboardsWorld } from '../support/dashboards-world.ts';
import { auditSuite } from './real/audit-suite.ts';
import { costSuite } from './real/cost-suite.ts';
import { embedSuite } from './real/embed-suite.ts';
import { everyPageSuite } from './real/every-page-suite.ts';
import { myUsageSuite } from './real/my-usage-suite.ts';
import { operationsSuite } from './real/operations-suite.ts';
import { setupSuite } from './real/setup-suite.ts';
import { tenantSuite } from './real/tenant-suite.ts';
import { tenantsSuite } from './real/tenants-suite.ts';
import { traceSuite } from './real/trace-suite.ts';

let started: DashboardsWorld | undefined;

function world(): DashboardsWorld {
  if (started === undefined) throw new Error('the world has not started');
  return started;
}

describe.skipIf(NO_BROWSER !== undefined)(
  `the pages over the real server${NO_BROWSER === undefined ? '' : ` (skipped: ${NO_BROWSER})`}`,
  () => {
    beforeAll(async () => {
      started = await startDashboardsWorld();
    });
    afterAll(async () => {
      await started?.end();
    });

    describe('every page', () => everyPageSuite(world));
    describe('tenants', () => tenantsSuite(world));
    describe('operations', () => operationsSuite(world));
    describe('audit log', () => auditSuite(world));
    describe('first set-up', () => setupSuite(world));
    describe('one tenant', () => tenantSuite(world));
    describe('traces', () => traceSuite(world));
    describe('cost and margin', () => costSuite(world));
    describe('my usage', () => myUsageSuite(world));
    describe('usage in a frame', () => embedSuite(world));
  },
);
