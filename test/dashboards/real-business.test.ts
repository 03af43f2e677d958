/**
 * Every page for every role, from the real server in a real browser: what is on the screen is what the API returns, and
 * acting on a page changes what an app is told. One server and one browser for all suites here; others in real-operating.test.ts.
 */
import { describePages } from '../support/dashboards-describe.ts';
import { alertsSuite } from './real/alerts-suite.ts';
import { billsSuite } from './real/bills-suite.ts';
import { costSuite } from './real/cost-suite.ts';
import { directorySuite } from './real/directory-suite.ts';
import { embedSuite } from './real/embed-suite.ts';
import { hostileSuite } from './real/hostile-suite.ts';
import { lifecycleSuite } from './real/lifecycle-suite.ts';
import { myUsageSuite } from './real/my-usage-suite.ts';
import { pricesSuite } from './real/prices-suite.ts';
import { revenueSuite } from './real/revenue-suite.ts';
import { upsellSuite } from './real/upsell-suite.ts';

describePages('the pages about business', {
  'cost and margin': costSuite,
  'whom to talk to': upsellSuite,
  customers: lifecycleSuite,
  'my usage': myUsageSuite,
  'a directory': directorySuite,
  'usage in a frame': embedSuite,
  alerts: alertsSuite,
  prices: pricesSuite,
  bills: billsSuite,
  'revenue, keys and plans': revenueSuite,
  // Last: its words would stand in what the others count.
  'hostile text': hostileSuite,
});
