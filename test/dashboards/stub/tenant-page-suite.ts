import type { Browser, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { anomalyOf, figuresOf, manyTenants, throttleOf } from '../../support/dashboards-data.ts';
import { loadSections } from '../../support/dashboards-sections.ts';
import type { DashboardsStub } from '../../support/dashboards-stub.ts';
import { openBeforeEach } from '../../support/dashboards-stub-page.ts';
import { heatMap } from '../../support/dashboards-trace-data.ts';

/** The page of one tenant, over fixed answers. */
export function tenantPageSuite(browser: () => Browser): void {
  const CHARTS = [
    'chart-percentiles',
    'chart-p95-by-route',
    'chart-requests',
    'chart-errors',
    'chart-db-calls',
    'chart-db-time',
    'chart-db-slow',
    'chart-cache',
    'chart-cache-rate',
    'chart-ai-tokens',
    'chart-ai-models',
    'chart-cpu',
    'chart-event-loop',
    'chart-network',
    'chart-bodies',
  ];

  let stub: DashboardsStub;
  let page: Page;

  openBeforeEach(browser, (opened) => {
    ({ stub, page } = opened);
    stub.state.tenants = manyTenants();
  });

  const goto = (path = '/tenants/acme-corp') => page.goto(stub.url + path);
  /** The page with all its sections. */
  const open = async (path?: string) => {
    await goto(path);
    await loadSections(page);
  };
  const chart = (testId: string) => page.getByTestId(testId);
  const legend = (testId: string) => chart(testId).locator('.legend-label').allTextContents();

  describe('the page of one tenant', () => {
    it('draws every chart, the figures of its row and the eight busiest routes, reads all out at the cursor, and regroups', async () => {
      await open();
      for (const testId of CHARTS) await chart(testId).locator('canvas').waitFor();
      const figures = stub.state.tenants[0];
      const row = await page.getByTestId('tenant-figures').textContent();
      expect(row).toContain(figures?.requests.toLocaleString('en-US'));
      expect(row).toContain(`${figures?.p95_ms?.toFixed(0)} ms`);
      expect(await page.title()).toBe('acme-corp · Tenantry');

      expect((await legend('chart-p95-by-route')).slice(0, 3)).toEqual([
        'GET /orders',
        'GET /orders/:id',
        'POST /orders',
      ]);
      expect((await legend('chart-p95-by-route')).length).toBe(8);
      expect(await chart('chart-p95-by-route').textContent()).toContain('2 quieter routes are not shown');

      await chart('chart-percentiles').getByRole('slider').focus();
      await page.keyboard.press('ArrowLeft');
      const time = await chart('chart-percentiles').locator('.chart-time').textContent();
      expect(time).toMatch(/\d\d:\d\d$/);
      for (const testId of CHARTS)
        await chart(testId)
          .locator('.chart-time')
          .getByText(time ?? '', { exact: true })
          .waitFor();

      expect(await legend('chart-db-calls')).toEqual(['SELECT', 'INSERT', 'UPDATE', 'DELETE']);
      await page.getByRole('button', { name: 'By system' }).click();
      await chart('chart-db-calls').getByText('postgresql').waitFor();
      expect(await legend('chart-db-calls')).toEqual(['postgresql', 'redis']);
    });

    it('goes into the stretch that is dragged over a chart, by a link that others can open', async () => {
      await open();
      await chart('chart-requests').locator('canvas').waitFor();
      await chart('chart-requests').scrollIntoViewIfNeeded();
      const box = await chart('chart-requests').locator('.u-over').boundingBox();
      if (!box) throw new Error('the chart has no plotting area');
      await page.mouse.move(box.x + box.width * 0.4, box.y + 40);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 4 });
      await page.mouse.up();
      await page.waitForURL(/from=.*to=/);
      const query = new URL(page.url()).searchParams;
      const minutes = (Date.parse(query.get('to') ?? '') - Date.parse(query.get('from') ?? '')) / 60_000;
      expect(minutes).toBeGreaterThanOrEqual(11);
      expect(minutes).toBeLessThanOrEqual(15);
      // One drag is one step back, although all charts share the cursor.
      await page.goBack();
      expect(new URL(page.url()).search).toBe('');
    });

    it('says what is not there instead of drawing zeros', async () => {
      stub.state.groups = { db_operation: [], service: [] };
      await open();
      await chart('chart-cpu').getByText('No CPU time measured in this window').waitFor();
      await chart('chart-db-calls').getByText('No database calls in this window').waitFor();
      expect(await chart('chart-db-calls').locator('canvas').count()).toBe(0);
    });

    it('loads the sections that come near and no others, and leads to each by a link', async () => {
      await goto();
      await chart('chart-percentiles').locator('canvas').waitFor();
      expect(stub.requests.filter(({ url }) => url.startsWith('/v1/audit') || url.includes('slow-queries'))).toEqual(
        [],
      );
      const nav = page.getByRole('navigation', { name: 'Sections of this page' });
      await nav.getByRole('link', { name: 'Audit' }).press('Enter');
      await page.getByTestId('part-audit').waitFor();
      expect(new URL(page.url()).hash).toBe('#audit');
      await nav.locator('[aria-current="true"]', { hasText: 'Audit' }).waitFor();
    });

    it('reads out the map of latencies and goes from a cell to its traces, by keyboard as well', async () => {
      stub.state.tenant.heat = heatMap([
        [0, 4, 0, 0],
        [0, 0, 3, 0],
      ]);
      await goto();
      const plot = page.getByRole('slider', { name: /^Requests by time and latency/ });
      await plot.scrollIntoViewIfNeeded();
      await plot.focus();
      for (const key of ['ArrowDown', 'ArrowUp', 'ArrowUp']) await page.keyboard.press(key);
      expect(await page.getByTestId('heat-reading').textContent()).toMatch(/: 3 of 3 requests, 100 ms to 1 s$/);
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/traces\?/);
      const query = new URL(page.url()).searchParams;
      expect([query.get('min_ms'), query.get('max_ms')]).toEqual(['100', '1000']);
      expect(query.get('from')).toBe(new Date(stub.state.tenant.heat.steps[1]?.at ?? 0).toISOString());
    });

    it('hides the audit where the reader may not see it', async () => {
      stub.state.tenant.audit = 'refused';
      await open();
      await page.getByTestId('part-flags').waitFor();
      await page.getByTestId('part-audit').waitFor({ state: 'detached' });
      expect(await page.locator('#audit').textContent()).toBe('');
    });

    it('has a page for a tenant that is silent', async () => {
      await goto('/tenants/nobody');
      expect(await page.getByTestId('tenant-silent').textContent()).toContain('missing data is not zero traffic');
    });

    it('shows spans without a tenant, whom nobody can throttle', async () => {
      stub.state.tenants = [figuresOf('(unknown)', 3)];
      await open('/tenants/(unknown)');
      await chart('chart-requests').locator('canvas').waitFor();
      expect(await page.getByTestId('throttle-button').count()).toBe(0);
      expect(stub.requests.filter(({ url }) => url.includes('tenant_id=')).length).toBe(0);
    });

    it('keeps the theme and the time zone that were chosen', async () => {
      await goto();
      await page.getByTestId('theme-toggle').click();
      await page.getByTestId('theme-toggle').click();
      await page.getByTestId('zone-toggle').click();
      await page.getByTestId('zone-dialog').getByRole('button', { name: 'UTC UTC' }).click();
      await page.reload();
      expect(await page.getByTestId('theme-toggle').textContent()).toContain('Dark');
      expect(await page.getByTestId('zone-toggle').textContent()).toBe('Times in UTC');
      expect(await page.evaluate('getComputedStyle(document.documentElement).colorScheme')).toBe('dark');
    });
  });

  describe('throttles of the tenant', () => {
    it('tell who, why, until when and which instances obey; past ones too', async () => {
      const now = Date.now();
      const past = throttleOf('acme-corp', {
        now: now - 3_000_000,
        id: 'past',
        status: 'lifted',
        ended_at: new Date(now - 2_900_000).toISOString(),
        created_by: 'grace@example.com',
      });
      stub.state.throttles = [throttleOf('acme-corp', { now }), past];
      stub.state.anomalies = [anomalyOf('acme-corp', { now })];
      await open();
      const active = page.getByTestId('active-throttle');
      expect(await active.textContent()).toMatch(/40 requests\/s, burst 80.*5\.1 times its baseline.*By detector/);
      await active.getByText('Obeyed by 2 instances').click();
      await active.getByText(/checkout checkout-7f9c at \d\d:\d\d:\d\d/).waitFor();
      expect(await page.getByTestId('throttle-history').textContent()).toMatch(/lifted.*by grace@example\.com/);
      expect(await page.getByTestId('anomalies').textContent()).toContain('still going on');
    });

    it('are lifted in two steps', async () => {
      stub.state.throttles = [throttleOf('acme-corp', { now: Date.now() })];
      await goto();
      await page.getByRole('button', { name: 'Lift …' }).click();
      await page.getByRole('button', { name: 'Lift now' }).click();
      await page.getByTestId('active-throttle').waitFor({ state: 'detached' });
      const sent = stub.requests.filter(({ method }) => method === 'DELETE');
      expect(sent).toMatchObject([{ url: '/v1/throttles/throttle-acme-corp', csrf: '1' }]);
    });

    it('are set by a form that says beforehand what will happen', async () => {
      await goto();
      await page.getByTestId('tenant-figures').waitFor();
      await page.getByTestId('throttle-button').click();
      const dialog = page.getByTestId('throttle-dialog');
      await dialog.getByLabel('Requests a second').fill('25');
      await dialog.getByLabel('Burst').fill('50');
      await dialog.getByLabel('For', { exact: true }).selectOption('1 hour');
      await dialog.getByLabel('On', { exact: true }).selectOption('GET /search');
      expect(await page.getByTestId('throttle-preview').textContent()).toMatch(
        /^acme-corp on GET \/search: whatever exceeds 25 requests a second \(burst 50\) is answered 429, until \d\d:\d\d \(1 h\)/,
      );
      await dialog.getByRole('button', { name: 'Throttle' }).click();
      await dialog.getByText('Say why').waitFor();
      expect(stub.requests.filter(({ method }) => method === 'POST')).toEqual([]);
      await dialog.getByLabel('Reason').fill('Import floods the search');
      await page.keyboard.press('Enter');
      await page.getByTestId('active-throttle').getByText('Import floods the search').waitFor();
      expect(stub.requests.filter(({ method }) => method === 'POST')).toMatchObject([
        {
          csrf: '1',
          body: {
            tenant_id: 'acme-corp',
            scope: { route: 'GET /search' },
            limit: { requests_per_second: 25, burst: 50 },
            mode: 'enforce',
            expires_in_seconds: 3_600,
            reason: 'Import floods the search',
          },
        },
      ]);
    });

    it('cannot be set by a role that may not, and Escape leaves the form', async () => {
      await goto();
      await page.getByTestId('throttle-button').click();
      await page.getByTestId('throttle-dialog').waitFor();
      await page.keyboard.press('Escape');
      await page.getByTestId('throttle-dialog').waitFor({ state: 'detached' });
      stub.state.who = { ...stub.state.who, role: 'sales' };
      await page.reload();
      await page.getByTestId('tenant-figures').waitFor();
      await page.getByTestId('throttle-button').waitFor({ state: 'detached' });
    });
  });
}
