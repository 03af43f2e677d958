import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { figuresOf } from '../../support/dashboards-data.ts';
import { type DashboardsStub, problemOf } from '../../support/dashboards-stub.ts';
import { openBeforeEach } from '../../support/dashboards-stub-page.ts';

/** The list of very many tenants, over fixed answers. */
export function tenantsScrollSuite(browser: () => Browser): void {
  let stub: DashboardsStub;
  let page: Page;

  openBeforeEach(browser, (opened) => {
    ({ stub, page } = opened);
  });

  const rows = () => page.getByTestId('tenant-row');
  const names = () => rows().evaluateAll((found) => found.map((row) => row.getAttribute('data-tenant')));
  const cell = (tenant: string, column: string) => page.locator(`[data-tenant="${tenant}"] [data-column="${column}"]`);
  const asked = (path: string) => stub.requests.filter(({ url }) => url.startsWith(path));
  const open = async (path = '/') => {
    await page.goto(stub.url + path);
    await rows().first().waitFor();
  };
  const scrollTo = (top: number) => page.evaluate(`document.querySelector('.table-frame').scrollTop = ${top}`);
  const frameHeight = () => page.evaluate('document.querySelector(".table-frame").scrollHeight');
  const tenants = (count: number) =>
    Array.from({ length: count }, (_, index) => figuresOf(`tenant-${String(index).padStart(5, '0')}`, index));
  /** The tenants in the order in which the API gives them. */
  const expected = (key: 'requests' | 'p95_ms') =>
    [...stub.state.tenants].sort((a, b) => Number(b[key]) - Number(a[key])).map((row) => row.tenant_id);

  describe('a table of more tenants than anybody reads', () => {
    it('scrolls through all tenants, asking for pages of one window as they come into sight', async () => {
      stub.state.tenants = tenants(1_200);
      await open('/?sort=tenant_id');
      expect(await page.getByTestId('tile-requests').textContent()).toContain('by the first 50 tenants');
      expect(asked('/v1/tenants').length).toBe(1);
      expect(await frameHeight()).toBe(36 + 1_200 * 40);
      await scrollTo(300 * 40);
      await page.locator('[data-tenant="tenant-00300"]').waitFor();
      await expect.poll(() => rows().count()).toBeLessThan(80);
      expect(await page.getByTestId('rows-note').textContent()).toMatch(
        /^1,200 rows; the first 50 are live, .* as of \d\d:/,
      );
      await page.getByTestId('tenant-row').nth(20).getByRole('link').focus();
      await page.keyboard.press('End');
      await expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe('tenant-01199');
      const pagesAsked = asked('/v1/tenants').map(({ url }) => new URL(url, stub.url).searchParams);
      const further = pagesAsked.filter((query) => query.get('limit') === '200');
      expect(further.length).toBe(6);
      expect(further.filter((query) => query.has('cursor')).length).toBe(5);
      expect(new Set(further.map((query) => query.get('to'))).size).toBe(1);
      await page.keyboard.press('Home');
      await expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe('tenant-00000');
    });

    it('stands still while somebody has scrolled, with fresh figures, and is in order again at the top', async () => {
      await page.clock.install();
      stub.state.tenants = tenants(400);
      await open();
      await scrollTo(200);
      stub.state.tenants = stub.state.tenants.map((row, index) =>
        index === 30 ? { ...row, requests: 999_999 } : { ...row, requests: row.requests + 1 },
      );
      const first = (await names())[0];
      await page.clock.fastForward(4_000);
      await cell('tenant-00030', 'requests').getByText('999,999').waitFor();
      expect((await names())[0]).toBe(first);
      await scrollTo(0);
      await page.clock.fastForward(4_000);
      await page.locator('[data-testid="tenant-row"][aria-rowindex="2"][data-tenant="tenant-00030"]').waitFor();
    });

    it('begins at the top when the question changes', async () => {
      stub.state.tenants = tenants(400);
      await open();
      await scrollTo(4_000);
      await page.getByRole('button', { name: 'P95' }).click();
      await page.locator(`[aria-rowindex="2"][data-tenant="${expected('p95_ms')[0]}"]`).waitFor();
      expect(await page.evaluate('document.querySelector(".table-frame").scrollTop')).toBe(0);
    });

    it('says so when further rows do not come, and begins anew when a cursor is no longer good', async () => {
      stub.state.tenants = tenants(600);
      let refused = 0;
      await page.route(/cursor=/, (route) => {
        refused += 1;
        if (refused > 1) return route.continue();
        return route.fulfill({ status: 400, json: problemOf(400, 'BAD_REQUEST', 'The cursor is of another server.') });
      });
      await open('/?sort=tenant_id');
      await scrollTo(590 * 40);
      await page.getByTestId('rows-error').getByText('The cursor is of another server.').waitFor();
      await page.getByTestId('rows-error').getByRole('button', { name: 'Try again' }).click();
      await page.locator('[data-tenant="tenant-00595"]').waitFor();
      expect(await page.getByTestId('rows-error').count()).toBe(0);
    });

    it('saves all tenants that match as a file, not only those that were scrolled to', async () => {
      stub.state.tenants = [...tenants(2_345), figuresOf('other', 1)];
      await open('/?q=tenant&sort=tenant_id');
      const download = page.waitForEvent('download');
      await page.getByTestId('csv-tenants').click();
      const lines = (await readFile(await (await download).path(), 'utf8')).trimEnd().split('\r\n');
      const ids = lines.slice(1).map((line) => line.split(',')[0]);
      expect(lines[0]).toMatch(/^tenant_id,plan,requests,errors,p50_ms/);
      expect(ids).toEqual(tenants(2_345).map((row) => row.tenant_id));
      expect(lines[1]?.split(',')[2]).toBe(String(stub.state.tenants[0]?.requests));
      expect(asked('/v1/tenants').filter(({ url }) => url.includes('limit=1000')).length).toBe(3);
    });

    it('can be cancelled while it saves, and saves nothing then', async () => {
      stub.state.tenants = tenants(2_345);
      let waiting: (() => void) | undefined;
      await page.route(/limit=1000.*cursor=/, async (route) => {
        await new Promise<void>((resolve) => {
          waiting = resolve;
        });
        await route.abort();
      });
      await open();
      let downloads = 0;
      page.on('download', () => {
        downloads += 1;
      });
      await page.getByTestId('csv-tenants').click();
      await page.getByTestId('csv-status-tenants').getByText('1,000 of 2,345 rows').waitFor();
      await page.getByTestId('csv-tenants').click();
      await page.getByTestId('csv-tenants').getByText('Save as CSV').waitFor();
      waiting?.();
      await page.evaluate('fetch("/v1/barrier").then(() => undefined)');
      expect(downloads).toBe(0);
      expect(await page.getByTestId('csv-status-tenants').textContent()).toBe('');
    });
  });
}
