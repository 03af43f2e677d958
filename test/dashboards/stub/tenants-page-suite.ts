import type { Browser, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { openPage } from '../../support/dashboards-browser.ts';
import { anomalyOf, manyTenants, throttleOf } from '../../support/dashboards-data.ts';
import { type DashboardsStub, problemOf } from '../../support/dashboards-stub.ts';
import { openBeforeEach } from '../../support/dashboards-stub-page.ts';

/** The list of tenants, over fixed answers. */
export function tenantsPageSuite(browser: () => Browser): void {
  let stub: DashboardsStub;
  let page: Page;

  openBeforeEach(browser, (opened) => {
    ({ stub, page } = opened);
    stub.state.tenants = manyTenants();
  });

  const rows = () => page.getByTestId('tenant-row');
  const names = () => rows().evaluateAll((found) => found.map((row) => row.getAttribute('data-tenant')));
  const cell = (tenant: string, column: string) => page.locator(`[data-tenant="${tenant}"] [data-column="${column}"]`);
  const asked = (path: string) => stub.requests.filter(({ url }) => url.startsWith(path));
  const open = async (path = '/') => {
    await page.goto(stub.url + path);
    await rows().first().waitFor();
  };
  /** The tenants in the order in which the API gives them. */
  const expected = (key: 'requests' | 'errors' | 'p95_ms') =>
    [...stub.state.tenants].sort((a, b) => Number(b[key]) - Number(a[key])).map((row) => row.tenant_id);

  describe('the tenant table', () => {
    it('shows what the API returns', async () => {
      await open();
      expect(await names()).toEqual(expected('requests'));
      const first = stub.state.tenants[0];
      expect(await cell('acme-corp', 'requests').textContent()).toBe(first?.requests.toLocaleString('en-US'));
      expect(await cell('acme-corp', 'p95').textContent()).toBe(`${first?.p95_ms?.toFixed(0)} ms`);
      expect(await cell('acme-corp', 'ai-cost').textContent()).toBe(
        `$${((first?.ai_cost_micro ?? 0) / 1_000_000).toFixed(2)}`,
      );
      expect(await cell('pied-piper', 'ai-cost').textContent()).toBe('unknown');
      expect(await cell('stark-industries', 'ai-cost').textContent()).toMatch(/^\$\d+\.\d\d\+12 unpriced$/);
      expect(await cell('wayne-enterprises', 'cache').textContent()).toBe('–');
      expect(await page.getByTestId('tile-tenants').textContent()).toContain(String(stub.state.tenants.length));
      const total = stub.state.tenants.reduce((sum, row) => sum + row.requests, 0);
      expect(await page.getByTestId('tile-requests').textContent()).toContain(total.toLocaleString('en-US'));
      expect(await page.getByTestId('tile-attributed').textContent()).toContain('98.7%');
    });

    it('takes new figures in without replacing the rows', async () => {
      await page.clock.install();
      await open();
      await page.evaluate('document.querySelector(\'[data-tenant="acme-corp"]\').dataset.mark = "same"');
      stub.state.tenants = stub.state.tenants.map((row) => ({ ...row, requests: row.requests + 111 }));
      await page.clock.fastForward(4_000);
      const changed = (stub.state.tenants[0]?.requests ?? 0).toLocaleString('en-US');
      await cell('acme-corp', 'requests').getByText(changed).waitFor();
      expect(await page.locator('[data-tenant="acme-corp"]').getAttribute('data-mark')).toBe('same');
    });

    it('keeps the order while somebody points at a row, and takes the new one on leaving', async () => {
      await page.clock.install();
      await open();
      await rows().nth(1).hover();
      stub.state.tenants = stub.state.tenants.map((row) =>
        row.tenant_id === 'wonka' ? { ...row, requests: 999_999 } : row,
      );
      await page.clock.fastForward(4_000);
      await cell('wonka', 'requests').getByText('999,999').waitFor();
      expect((await names())[0]).toBe('acme-corp');
      await page.mouse.move(5, 5);
      await page.clock.fastForward(4_000);
      await page.locator('[data-testid="tenant-row"]:first-child[data-tenant="wonka"]').waitFor();
    });

    it('asks nothing while nobody sees it, and at once when it is seen again', async () => {
      await page.clock.install();
      await open();
      const setHidden = (hidden: boolean) =>
        page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${hidden}, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`);
      await setHidden(true);
      const barrier = () => page.evaluate('fetch("/v1/barrier").then(() => undefined)');
      await barrier();
      const before = asked('/v1/tenants').length;
      await page.clock.fastForward(60_000);
      await barrier();
      expect(asked('/v1/tenants').length).toBe(before);
      const seen = page.waitForResponse(/\/v1\/tenants/);
      await setHidden(false);
      await seen;
    });

    it('sorts by a column, says so, and a link brings back the same view', async () => {
      await open('/?range=6h');
      await page.getByRole('button', { name: 'P95' }).click();
      await page.locator('th[aria-sort="descending"]', { hasText: 'P95' }).waitFor();
      await page.locator(`[data-testid="tenant-row"]:first-child[data-tenant="${expected('p95_ms')[0]}"]`).waitFor();
      expect(await names()).toEqual(expected('p95_ms'));
      const link = page.url();
      expect(new URL(link).search).toBe('?range=6h&sort=p95_ms');
      await page.getByRole('button', { name: 'P95' }).click();
      await page.locator('th[aria-sort="ascending"]').waitFor();
      await page.goBack();
      await page.locator('th[aria-sort="descending"]', { hasText: 'P95' }).waitFor();
      const other = await openPage(browser(), stub.url);
      await other.page.goto(link);
      await other.page.locator('th[aria-sort="descending"]', { hasText: 'P95' }).waitFor();
      expect(await other.page.getByRole('button', { name: '6 h' }).getAttribute('aria-pressed')).toBe('true');
      await other.page.context().close();
      expect(other.faults).toEqual([]);
    });

    it('is searched from the keyboard: slash, type, down, enter', async () => {
      await open();
      await page.keyboard.press('/');
      await page.keyboard.type('corp');
      await page.waitForURL(/q=corp/);
      await page.getByTestId('match-count').getByText('3 tenants').waitFor();
      expect(new Set(await names())).toEqual(new Set(['acme-corp', 'oscorp', 'capsule-corp']));
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      expect(await page.evaluate('document.activeElement.textContent')).toBe((await names())[1]);
      await page.keyboard.press('Escape');
      expect(await page.evaluate('document.activeElement.type')).toBe('search');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/tenants\/acme-corp$/);
      await page.goBack();
      await page.getByTestId('match-count').getByText('3 tenants').waitFor();
      expect(await page.getByTestId('search').inputValue()).toBe('corp');
    });
  });

  describe('what is around the table', () => {
    it('tells who is held back, for how long and why, and which anomaly nobody holds yet', async () => {
      const now = Date.now();
      const throttle = throttleOf('acme-corp', { now });
      stub.state.throttles = [throttle];
      stub.state.tenants = stub.state.tenants.map((row) =>
        row.tenant_id === 'acme-corp'
          ? { ...row, throttles: [{ id: throttle.id, mode: 'enforce', expires_at: throttle.expires_at }] }
          : row,
      );
      stub.state.anomalies = [anomalyOf('initech', { now }), anomalyOf('acme-corp', { now, throttle_id: throttle.id })];
      await open();
      const items = page.getByTestId('attention').locator('li');
      await items.nth(1).waitFor();
      await expect.poll(() => items.count()).toBe(2);
      expect(await items.nth(0).textContent()).toContain('Requests of initech are at 122/s');
      expect(await items.nth(1).textContent()).toMatch(/Throttled3 min \d\d s.*acme-corp/);
      expect(await page.locator('[data-tenant="acme-corp"] .badge').textContent()).toMatch(/^Throttled3 min \d\d s$/);
      expect(await page.getByTestId('tile-throttled').textContent()).toContain('2 open anomalies');
    });

    it('corrects a wrong clock by the server: remaining times and windows are right', async () => {
      const now = Date.now();
      await page.clock.install({ time: now - 3_600_000 });
      stub.state.throttles = [throttleOf('acme-corp', { now })];
      await open();
      await page
        .getByTestId('attention')
        .getByText(/^3 min \d\d s$/)
        .waitFor();
      await page.clock.fastForward(4_000);
      await expect.poll(() => asked('/v1/tenants').length).toBeGreaterThan(1);
      const to = new URL(asked('/v1/tenants').at(-1)?.url ?? '', stub.url).searchParams.get('to');
      expect(Math.abs(Date.parse(to ?? '') - Date.now())).toBeLessThan(30_000);
    });

    it('says that data is missing instead of showing silence as calm', async () => {
      stub.state.dataUntil = () => Date.now() - 600_000;
      await open();
      expect(await page.getByTestId('tile-fresh').textContent()).toMatch(/Silent for 10 min.*Missing data is not zero/);
    });
  });

  describe('without figures', () => {
    it('explains how to send the first span', async () => {
      stub.state.tenants = [];
      stub.state.dataUntil = () => null;
      stub.state.attributedShare = null;
      await page.goto(stub.url);
      expect(await page.getByTestId('no-spans').textContent()).toContain(
        'OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318',
      );
    });

    it('tells a search without a match from an empty store', async () => {
      await page.goto(`${stub.url}/?q=nobody`);
      await page.getByTestId('no-match').getByRole('button', { name: 'Clear the search' }).click();
      await rows().first().waitFor();
      expect(await page.getByTestId('search').inputValue()).toBe('');
    });

    it('asks whoever is not signed in to open the printed link', async () => {
      stub.state.problem = problemOf(401, 'UNAUTHENTICATED', 'There are no credentials on this request.');
      await page.goto(stub.url);
      expect(await page.getByTestId('sign-in-needed').textContent()).toContain('Open the sign-in link');
    });

    it('ends the session on the server at sign-out', async () => {
      await open();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByTestId('sign-in-needed').waitFor();
      expect(asked('/v1/session/end')).toMatchObject([{ method: 'POST', csrf: '1' }]);
    });

    it('says what is wrong and what to do when the API fails, and recovers', async () => {
      stub.state.problem = problemOf(503, 'STORE_UNAVAILABLE', 'ClickHouse does not answer.', 'Run tenantry doctor.');
      await page.goto(stub.url);
      const state = page.getByTestId('error-state');
      expect(await state.textContent()).toMatch(
        /ClickHouse does not answer\..*Run tenantry doctor\..*STORE_UNAVAILABLE.*req-1/,
      );
      stub.state.problem = undefined;
      await state.getByRole('button', { name: 'Try again' }).click();
      await rows().first().waitFor();
    });

    it('keeps the last figures on the screen and says since when they stand still', async () => {
      await page.clock.install();
      await open();
      stub.state.problem = problemOf(503, 'STORE_UNAVAILABLE', 'ClickHouse does not answer.');
      await page.clock.fastForward(4_000);
      expect(await page.getByTestId('not-updating').textContent()).toMatch(/Not updating since \d\d:\d\d:\d\d/);
      await expect.poll(() => rows().count()).toBe(stub.state.tenants.length);
      stub.state.problem = undefined;
      await page.getByRole('button', { name: 'Try now' }).click();
      await page.getByTestId('not-updating').waitFor({ state: 'detached' });
    });

    it('says so for an address that has no page', async () => {
      await page.goto(`${stub.url}/elsewhere`);
      await page.getByTestId('not-found').waitFor();
    });

    it('takes links from when the table had pages for what they meant', async () => {
      await open('/?page_from=2026-01-01T00:00:00Z&page_to=2026-01-02T00:00:00Z&cursor=abc&sort=errors');
      expect(await names()).toEqual(expected('errors'));
    });
  });
}
