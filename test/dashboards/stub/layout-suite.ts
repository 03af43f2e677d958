import type { Browser } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { builtPages, openPage } from '../../support/dashboards-browser.ts';
import { anomalyOf, figuresOf, manyTenants, throttleOf } from '../../support/dashboards-data.ts';
import { loadSections } from '../../support/dashboards-sections.ts';
import { startDashboardsStub } from '../../support/dashboards-stub.ts';

/** Both pages at several widths, over fixed answers. */
export function layoutSuite(browser: () => Browser): void {
  const LONGEST_ID = 'a'.repeat(128);
  /** Each with the page's background. */
  const SCHEMES = [
    ['light', 'rgb(250, 250, 251)'],
    ['dark', 'rgb(13, 15, 18)'],
  ] as const;

  describe.each([390, 1280, 1920])('at %d pixels', (width) => {
    it('both pages fit, with the longest id, in light and in dark', async () => {
      const stub = await startDashboardsStub(builtPages());
      const now = Date.now();
      stub.state.tenants = [figuresOf(LONGEST_ID, 0), ...manyTenants()];
      stub.state.throttles = [throttleOf(LONGEST_ID, { now })];
      stub.state.anomalies = [anomalyOf(LONGEST_ID, { now })];
      const { page, faults } = await openPage(browser(), stub.url, { viewport: { width, height: 844 } });
      const overflow = () => page.evaluate('document.documentElement.scrollWidth - innerWidth');
      const background = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');

      await page.goto(stub.url);
      await page.getByTestId('tenant-row').first().waitFor();
      await page.getByTestId('attention').waitFor();
      for (const [colorScheme, color] of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        await expect.poll(background).toBe(color);
        expect(await overflow()).toBeLessThanOrEqual(0);
      }

      await page.goto(`${stub.url}/tenants/${LONGEST_ID}`);
      await loadSections(page);
      await page.getByTestId('chart-ai-models').locator('canvas').waitFor();
      await page.getByTestId('active-throttle').waitFor();
      for (const [colorScheme] of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        expect(await overflow()).toBeLessThanOrEqual(0);
      }
      for (const box of await page.locator('figure.chart').all()) {
        const [chart, canvas] = [await box.boundingBox(), await box.locator('canvas').boundingBox()];
        expect(canvas?.width).toBeGreaterThan((chart?.width ?? 0) * 0.8);
        expect(canvas?.width).toBeLessThanOrEqual(chart?.width ?? 0);
      }
      await page.getByTestId('throttle-button').click();
      const dialog = await page.getByTestId('throttle-dialog').boundingBox();
      expect((dialog?.x ?? 0) + (dialog?.width ?? 0)).toBeLessThanOrEqual(width);

      await page.context().close();
      await stub.close();
      expect(faults).toEqual([]);
    });
  });
}
