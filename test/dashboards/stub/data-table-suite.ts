import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPage, type WatchedPage } from '../../support/dashboards-browser.ts';
import { type DashboardsStub, startDashboardsStub } from '../../support/dashboards-stub.ts';
import { buildTablePage } from '../../support/dashboards-table-page.ts';

/** The shared table, apart from what any one page does with it. */
export function dataTableSuite(browser: () => Browser): void {
  const COUNT = 10_000;
  const HEAD_HEIGHT = 36;
  const ROW_HEIGHT = 40;

  let stub: DashboardsStub;
  let watched: WatchedPage;
  let page: Page;

  beforeAll(async () => {
    stub = await startDashboardsStub(await buildTablePage());
  });
  afterAll(async () => {
    await stub?.close();
  });

  /** Row 0 counts most; the last one least. Row 7 is a formula to a spreadsheet. */
  const rowsScript = `Array.from({ length: ${COUNT} }, (_, index) => ({
  name: 'row-' + String(index).padStart(5, '0'), count: ${COUNT} - index, note: index === 7 ? '=HYPERLINK("http://evil")' : 'a, b' }))`;

  beforeEach(async () => {
    watched = await openPage(browser(), stub.url);
    page = watched.page;
    await page.addInitScript(`window.firstRows = ${rowsScript};`);
  });
  afterEach(async () => {
    await page.context().close();
    expect(watched.faults).toEqual([]);
  });

  const open = async (path = '/') => {
    await page.goto(stub.url + path);
    await page.locator('tbody tr[data-key]').first().waitFor();
  };
  const ask = <T>(script: string) => page.evaluate(script) as Promise<T>;
  const focusedText = () => ask<string>('document.activeElement.textContent');
  const scrollTo = (top: number) => ask(`document.querySelector('.table-frame').scrollTop = ${top}`);
  const setRows = (script: string) => ask(`window.setRows(${script})`);
  const row = (index: number) => page.locator(`tr[data-key="row-${String(index).padStart(5, '0')}"]`);

  describe('a table of 10,000 rows', () => {
    it('has few of them in the page, and is as high as all of them', async () => {
      await open();
      expect(await ask('document.querySelectorAll("tr").length')).toBeLessThan(60);
      const height = await ask<number>('document.querySelector(".table-frame").scrollHeight');
      expect(height).toBe(HEAD_HEIGHT + COUNT * ROW_HEIGHT);
      expect(await page.getByTestId('table-rows').getAttribute('aria-rowcount')).toBe(String(COUNT + 1));
      await scrollTo(5_000 * ROW_HEIGHT);
      await row(5_000).waitFor();
      expect(await ask('document.querySelectorAll("tr").length')).toBeLessThan(60);
      expect(await row(5_000).getAttribute('aria-rowindex')).toBe('5002');
      expect(await ask('document.querySelector(".table-frame").scrollHeight')).toBe(height);
    });

    it('shows each row where it belongs, under a head that stays', async () => {
      await open();
      await scrollTo(1_234 * ROW_HEIGHT);
      await row(1_234).waitFor();
      const frame = await page.locator('.table-frame').boundingBox();
      const head = await page.locator('thead th').first().boundingBox();
      expect(head?.y).toBeCloseTo((frame?.y ?? 0) + 1, 0);
      const first = await row(1_234).boundingBox();
      expect(first?.y).toBeCloseTo((head?.y ?? 0) + HEAD_HEIGHT, 0);
    });

    it('is walked through by the keyboard, over the edge of what is in the page, and to both ends', async () => {
      await open();
      await row(0).getByRole('link').focus();
      for (let step = 0; step < 45; step += 1) await page.keyboard.press('ArrowDown');
      expect(await focusedText()).toBe('row-00045');
      const shown = await row(45).boundingBox();
      const frame = await page.locator('.table-frame').boundingBox();
      expect((shown?.y ?? 0) + ROW_HEIGHT).toBeLessThanOrEqual((frame?.y ?? 0) + (frame?.height ?? 0) + 1);
      await page.keyboard.press('End');
      await row(COUNT - 1).waitFor();
      await expect.poll(focusedText).toBe('row-09999');
      await page.keyboard.press('ArrowDown');
      expect(await focusedText()).toBe('row-09999');
      for (let step = 0; step < 45; step += 1) await page.keyboard.press('ArrowUp');
      expect(await focusedText()).toBe('row-09954');
      const above = await row(9_954).boundingBox();
      expect(above?.y).toBeGreaterThanOrEqual((frame?.y ?? 0) + HEAD_HEIGHT);
      await page.keyboard.press('Home');
      await expect.poll(focusedText).toBe('row-00000');
    });

    it('keeps the focus where it is while rows change places, and when it is scrolled away', async () => {
      await open();
      await row(3).getByRole('link').focus();
      await setRows(`window.firstRows.map((each, index) => ({ ...each, count: index }))`);
      await page.locator(`tr[aria-rowindex="2"][data-key="row-09999"]`).waitFor();
      expect(await focusedText()).toBe('row-00003');
      expect(await row(3).getAttribute('aria-rowindex')).toBe(String(COUNT - 3 + 1));
      await setRows('window.firstRows');
      await page.locator(`tr[aria-rowindex="2"][data-key="row-00000"]`).waitFor();
      await scrollTo(8_000 * ROW_HEIGHT);
      await row(8_000).waitFor();
      expect(await focusedText()).toBe('row-00003');
      await page.keyboard.press('ArrowDown');
      await expect.poll(focusedText).toBe('row-00004');
    });

    it('goes on when the row with the focus is gone', async () => {
      await open();
      await row(3).getByRole('link').focus();
      await setRows(`window.firstRows.filter(({ name }) => name !== 'row-00003')`);
      await row(3).waitFor({ state: 'detached' });
      expect(await ask('document.querySelectorAll("tr[data-key]").length')).toBeGreaterThan(10);
    });

    it('sorts all rows by a click, and says so in the URL', async () => {
      await open();
      await page.getByRole('button', { name: 'Count' }).click();
      await page.locator('tr[aria-rowindex="2"][data-key="row-09999"]').waitFor();
      expect(new URL(page.url()).search).toBe('?rows_sort=count');
    });
  });

  describe('the file of a table', () => {
    const saved = async () => {
      const download = page.waitForEvent('download');
      await page.getByTestId('csv-rows').click();
      const file = await download;
      expect(file.suggestedFilename()).toBe('tenantry-rows.csv');
      return (await readFile(await file.path(), 'utf8')).split('\r\n');
    };

    it('holds every row in the order on the screen, and no formula', async () => {
      await open('/?rows_sort=count');
      const lines = await saved();
      expect(lines).toHaveLength(COUNT + 2);
      expect(lines[0]).toBe('name,count,note');
      expect(lines[1]).toBe('row-09999,1,"a, b"');
      expect(lines[COUNT - 7]).toBe(`row-00007,${COUNT - 7},"'=HYPERLINK(""http://evil"")"`);
    });

    it('says how far it is, and is not saved when somebody cancels', async () => {
      await page.addInitScript(`window.allRows = (job) => {
      job.onProgress(4000, 12000);
      window.job = job;
      return new Promise((resolve) => { window.finish = resolve; });
    };`);
      await open();
      await page.getByTestId('csv-rows').click();
      await page.getByTestId('csv-status-rows').getByText('4,000 of 12,000 rows').waitFor();
      await page.getByRole('button', { name: 'Cancel' }).click();
      expect(await ask('window.job.signal.aborted')).toBe(true);
      let downloads = 0;
      page.on('download', () => {
        downloads += 1;
      });
      await ask('window.finish([])');
      await page.getByRole('button', { name: 'Save as CSV' }).waitFor();
      const lines = page.waitForEvent('download');
      await ask('delete window.allRows');
      await setRows('[...window.firstRows]');
      await page.getByTestId('csv-rows').click();
      await lines;
      expect(downloads).toBe(1);
    });

    it('says why there is none', async () => {
      await page.addInitScript(`window.allRows = () => Promise.reject(new Error('The server cannot be reached'));`);
      await open();
      await page.getByTestId('csv-rows').click();
      await page.getByTestId('csv-status-rows').getByText('No file was saved: The server cannot be reached').waitFor();
    });
  });
}
