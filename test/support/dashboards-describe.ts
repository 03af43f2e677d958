import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import { NO_BROWSER } from './dashboards-browser.ts';
import { type DashboardsWorld, startDashboardsWorld } from './dashboards-world.ts';

/** Suites over one real server and one browser, by name. Where there is no browser they are skipped, and say so. */
export function describePages(
  what: string,
  suites: Readonly<Record<string, (world: () => DashboardsWorld) => void>>,
): void {
  let started: DashboardsWorld | undefined;
  const world = () => {
    if (started === undefined) throw new Error('the world has not started');
    return started;
  };
  describe.skipIf(NO_BROWSER !== undefined)(
    `${what} over the real server${NO_BROWSER === undefined ? '' : ` (skipped: ${NO_BROWSER})`}`,
    () => {
      beforeAll(async () => {
        started = await startDashboardsWorld({ TENANTRY_ALERT_ALLOW_RANGES: '127.0.0.0/8' });
      });
      afterAll(async () => {
        await started?.end();
      });
      // A page that is left open goes on asking the server, beside all later tests.
      let openBefore: ReadonlySet<object> = new Set();
      beforeEach(() => {
        openBefore = new Set(world().contexts());
      });
      afterEach(async () => {
        const left = world()
          .contexts()
          .filter((context) => !openBefore.has(context));
        await Promise.all(left.map((context) => context.close()));
      });
      for (const [name, suite] of Object.entries(suites)) describe(name, () => suite(world));
    },
  );
}
