/** The real pages from the real server in a real browser: what is on the screen is what the API returns. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ThrottleList } from '../../src/api/contract.ts';
import { launchBrowser, NO_BROWSER, openPage } from '../support/dashboards-browser.ts';
import { endEverything, type FlowTenantry, INGEST_KEY, startTenantry } from '../support/flow-tenantry.ts';
import { encodeTraceRequest } from '../support/otlp-proto.ts';
import { otlpRequest, otlpSpan } from '../support/spans.ts';

const SERVER = 2;
const COUNTS = { acme: 40, bolt: 25, 'carol.42': 7 };

let tenantry: FlowTenantry;
let browser: Browser | undefined;
let page: Page;
let faults: readonly string[];

async function send(tenant: string, requests: number): Promise<void> {
  const spans = Array.from({ length: requests }, (_, index) =>
    otlpSpan({
      kind: SERVER,
      start: Date.now() - 1_000,
      durationMs: 5 + index,
      attributes: {
        tenant_id: tenant,
        'http.request.method': 'GET',
        'http.route': '/<img src=x onerror=alert(1)>',
        'http.response.status_code': index === 0 ? 500 : 200,
      },
    }),
  );
  const response = await fetch(`${tenantry.otlpUrl}/v1/traces`, {
    method: 'POST',
    headers: { authorization: `Bearer ${INGEST_KEY}`, 'content-type': 'application/x-protobuf' },
    body: encodeTraceRequest(otlpRequest(spans)),
  });
  expect(response.status).toBe(200);
}

const cell = (tenant: string, column: string) =>
  page.locator(`[data-testid="tenant-row"][data-tenant="${tenant}"] [data-column="${column}"]`);

describe.skipIf(NO_BROWSER !== undefined)(
  `the dashboards${NO_BROWSER === undefined ? '' : ` (skipped: ${NO_BROWSER})`}`,
  () => {
    beforeAll(async () => {
      tenantry = await startTenantry();
      for (const [tenant, requests] of Object.entries(COUNTS)) await send(tenant, requests);
      await tenantry.loaded();
      browser = await launchBrowser();
      ({ page, faults } = await openPage(browser, tenantry.url));
    });
    afterAll(async () => {
      await browser?.close();
      await endEverything();
    });

    it('lets nobody in without the link, and in with it, once', async () => {
      await page.goto(tenantry.url);
      await page.getByTestId('sign-in-needed').waitFor();
      const link = /Sign in\s+sre\s+(http\S+)/.exec(tenantry.out())?.[1] ?? '';
      await page.goto(link);
      await page.getByTestId('tenant-row').first().waitFor();
      const second = await fetch(link, { redirect: 'manual' });
      expect(second.status).not.toBe(302);
      expect(second.headers.get('set-cookie')).toBeNull();
    });

    it('shows the figures that the API returns', async () => {
      const figures = await tenantry.tenants();
      for (const [tenant, requests] of Object.entries(COUNTS)) {
        expect(figures.get(tenant)).toMatchObject({ requests, errors: 1 });
        expect(await cell(tenant, 'requests').textContent()).toBe(String(requests));
      }
      expect(await page.getByTestId('tile-requests').textContent()).toContain('72');
    });

    it('moves by itself when more arrives', async () => {
      await send('acme', 2);
      await expect.poll(() => cell('acme', 'requests').textContent(), { timeout: 20_000 }).toBe('42');
    });

    it('throttles from the tenant page, and the API knows', async () => {
      await page.goto(`${tenantry.url}/tenants/acme`);
      await page.getByTestId('tenant-figures').waitFor();
      await page.getByTestId('throttle-button').click();
      const dialog = page.getByTestId('throttle-dialog');
      await dialog.getByLabel('Reason').fill('set in the browser');
      await dialog.locator('button[type="submit"]').click();
      await page.getByTestId('active-throttle').waitFor();
      const { body } = await tenantry.ask<ThrottleList>('/v1/throttles?active=true');
      expect(body.items).toMatchObject([{ tenant_id: 'acme', reason: 'set in the browser', created_by: 'dev:sre' }]);
    });

    it('ran no script of a tenant, asked no other host and logged no error', () => {
      expect(faults).toEqual([]);
    });
  },
);
