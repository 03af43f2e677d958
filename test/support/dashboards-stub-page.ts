/** The built pages over answers that a test sets, in one browser for a whole file: starting one takes longer than most of the tests. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { builtPages, launchBrowser, NO_BROWSER, openPage, type WatchedPage } from './dashboards-browser.ts';
import { type DashboardsStub, startDashboardsStub } from './dashboards-stub.ts';

/** Suites in one browser, by name. Where there is no browser they are skipped, and say so. */
export function describeStubPages(
  what: string,
  suites: Readonly<Record<string, (browser: () => Browser) => void>>,
): void {
  let launched: Browser | undefined;
  const browser = () => {
    if (launched === undefined) throw new Error('the browser has not started');
    return launched;
  };
  describe.skipIf(NO_BROWSER !== undefined)(
    `${what}${NO_BROWSER === undefined ? '' : ` (skipped: ${NO_BROWSER})`}`,
    () => {
      beforeAll(async () => {
        launched = await launchBrowser();
      });
      afterAll(() => launched?.close());
      for (const [name, suite] of Object.entries(suites)) describe(name, () => suite(browser));
    },
  );
}

/** For each test of the suite a stub and a page of its own, on which nothing may have gone wrong afterwards. */
export function openBeforeEach(
  browser: () => Browser,
  opened: (at: { readonly stub: DashboardsStub; readonly page: Page }) => void,
): void {
  const pages = builtPages();
  let stub: DashboardsStub;
  let watched: WatchedPage;
  beforeEach(async () => {
    stub = await startDashboardsStub(pages);
    watched = await openPage(browser(), stub.url);
    opened({ stub, page: watched.page });
  });
  afterEach(async () => {
    await watched.page.context().close();
    await stub.close();
    expect(watched.faults).toEqual([]);
  });
}
