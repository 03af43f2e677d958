import type { Browser, Page } from 'playwright-core';
import { launchBrowser, NO_BROWSER } from '../support/dashboards-browser.ts';
import { endEverything, type FlowTenantry, flowFolder, startTenantry } from '../support/flow-tenantry.ts';
import { until } from '../support/flow-waiting.ts';
import type { Bench } from './bench.ts';
import { seedMinuteRollups } from './dashboards-rollups.ts';
import { median, p95, print, printTable } from './measure.ts';
import { benchTenant, tenantsOption } from './tenants.ts';

const ROUNDS = 5;
/** Before the pages' own scripts: keeps what the browser itself measures, as users would feel it. */
const WATCH = `
  window.__bench = { shownAt: null, slowest: 0 };
  // Figures in view, and nothing in view that still waits for its own; what is further down loads when it comes near.
  const inView = (element) => { const box = element.getBoundingClientRect(); return box.top < innerHeight && box.height > 0; };
  const some = (selector) => [...document.querySelectorAll(selector)].some(inView);
  const look = () => {
    if (some('main :is(.tile-value, tbody td, canvas, .notice, .table-empty)') && !some('main .loading')) window.__bench.shownAt = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      if (entry.interactionId) window.__bench.slowest = Math.max(window.__bench.slowest, entry.duration);
  }).observe({ type: 'event', durationThreshold: 16, buffered: true });
  performance.setResourceTimingBufferSize(2000);
`;
const CALLS = `performance.getEntriesByType('resource')
  .filter(({ name, responseEnd }) => name.includes('/v1/') && responseEnd > 0)
  .map(({ name, requestStart, startTime, responseEnd }) => [name, responseEnd - (requestStart || startTime)])`;

async function signIn(tenantry: FlowTenantry, browser: Browser): Promise<Page> {
  const made = await tenantry.ask<{ link: string }>('/v1/sign-in-links', { method: 'POST', body: { role: 'admin' } });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await context.addInitScript(WATCH);
  const page = await context.newPage();
  const link = new URL(made.body.link);
  await page.goto(`${tenantry.url}${link.pathname}${link.search}`);
  await page.locator('nav a').first().waitFor();
  return page;
}

/** `/v1/tenants/tenant-00003/metrics?metric=requests&from=…` as `/v1/tenants/:id/metrics?metric`. */
function routeOf(url: string): string {
  const { pathname, searchParams } = new URL(url);
  const path = pathname.replaceAll(/tenant-\d+/g, ':id').replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ':uuid');
  const shape = ['from', 'to', 'limit'].filter((name) => searchParams.has(name));
  return shape.length === 0 ? path : `${path} (with a window)`;
}

interface Visit {
  readonly shownMs: number;
  readonly calls: readonly (readonly [string, number])[];
}

async function visit(page: Page, url: string): Promise<Visit> {
  await page.goto(url);
  const shownMs = await until('the page to show its figures', async () => {
    const at = await page.evaluate<number | null>('window.__bench.shownAt');
    return at ?? undefined;
  });
  await page.waitForLoadState('networkidle', { timeout: 10_000 }).catch(() => undefined);
  return { shownMs, calls: await page.evaluate<[string, number][]>(CALLS) };
}

/** The slowest of the interactions as the browser's event timing has it: from the key or click to the next paint. */
async function interactions(page: Page, url: string): Promise<number> {
  await visit(page, url);
  for (const header of (await page.locator('main th button').all()).slice(0, 3)) await header.click();
  await page.keyboard.press('/');
  await page.keyboard.type('tenant-0123', { delay: 30 });
  await page.keyboard.press('Control+k');
  await page.keyboard.type('cost', { delay: 30 });
  await page.keyboard.press('Escape');
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  return page.evaluate<number>('window.__bench.slowest');
}

async function measure(tenantry: FlowTenantry, page: Page, tenants: number): Promise<void> {
  const links = await page
    .locator('nav a[href^="/"]')
    .evaluateAll((found) => found.map((a) => a.getAttribute('href') ?? ''));
  const paths = [...new Set(links.map((link) => link.split('?')[0] ?? link))];
  const busy = benchTenant(3);
  const pages = [...paths, `/tenants/${busy}`].flatMap((path) => [`${path}?range=1h`, `${path}?range=7d`]);
  const calls = new Map<string, number[]>();
  const shown: [string, readonly number[]][] = [];
  for (const path of pages) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const seen = await visit(page, tenantry.url + path);
      times.push(seen.shownMs);
      for (const [url, ms] of seen.calls) calls.set(routeOf(url), [...(calls.get(routeOf(url)) ?? []), ms]);
    }
    shown.push([path, times]);
  }
  print(`${tenants} tenants; from the start of the navigation until the page shows its figures (goal: under 1,000 ms)`);
  printTable([
    ['page', 'median ms', 'worst ms'],
    ...shown.map(([path, all]) => [path, median(all).toFixed(0), Math.max(...all).toFixed(0)]),
  ]);
  print();
  print('API calls as the browser saw them (goal: P95 under 100 ms)');
  const rows = [...calls].toSorted(([, a], [, b]) => p95(b) - p95(a));
  printTable([
    ['route', 'calls', 'median ms', 'P95 ms'],
    ...rows.map(([route, all]) => [route, String(all.length), median(all).toFixed(0), p95(all).toFixed(0)]),
  ]);
  print();
  const slowest: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) slowest.push(await interactions(page, `${tenantry.url}/?range=1h`));
  print(
    `sorting, searching, the palette: slowest interaction, median of ${ROUNDS} rounds ${median(slowest).toFixed(0)} ms, worst ${Math.max(...slowest).toFixed(0)} ms (goal: under 100 ms)`,
  );
}

export const dashboards: Bench = {
  name: 'dashboards',
  summary: '10,000 tenants, 30 days of minute rollups: when pages show their figures, what API calls and clicks take',
  run: async (options) => {
    if (NO_BROWSER !== undefined) throw new Error(NO_BROWSER);
    const tenants = tenantsOption(options);
    const dataDir = flowFolder();
    let browser: Browser | undefined;
    try {
      // Makes the stores and their tables.
      await (await startTenantry({}, dataDir)).stop();
      print(`writing 30 days of minute rollups of ${tenants} tenants; with 10,000 some minutes`);
      await seedMinuteRollups(dataDir, tenants, Date.now());
      const tenantry = await startTenantry({}, dataDir);
      browser = await launchBrowser();
      await measure(tenantry, await signIn(tenantry, browser), tenants);
    } finally {
      await browser?.close();
      await endEverything();
    }
  },
};
