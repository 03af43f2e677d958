import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtPages, launchBrowser, NO_BROWSER, openPage } from '../support/dashboards-browser.ts';
import { anomalyOf, breakerOf, figuresOf, throttleOf } from '../support/dashboards-data.ts';
import { startDashboardsStub } from '../support/dashboards-stub.ts';

/** Tenants, routes and models are other people's words and stay so for ever: none may become markup, code or a request. */
const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(2)>',
  "'-alert(3)-'",
  '<svg/onload=alert(4)>',
  '<iframe srcdoc="<script>alert(5)</script>">',
  '<link rel=stylesheet href=//evil.example/x.css>',
  '</title><base href="https://evil.example/">',
  '{{constructor.constructor("alert(6)")()}}',
  '\u202Egnp.exe\u0000\u0007',
  'javascript:alert(7)',
];

const INJECTED =
  'script:not([src]), img:not([src="/favicon.svg"]), iframe, base, link[rel=stylesheet]:not([href^="/assets/"]), [onerror], [onload], svg:not(.spark)';

let browser: Browser;
beforeAll(async () => {
  if (NO_BROWSER === undefined) browser = await launchBrowser();
});
afterAll(() => browser?.close());

describe('hostile text', () => {
  it('is shown as text on both pages, and nothing else happens', async (context) => {
    if (NO_BROWSER !== undefined) return context.skip(NO_BROWSER);
    const now = Date.now();
    const stub = await startDashboardsStub(builtPages());
    stub.state.tenants = HOSTILE.map((text, index) => ({ ...figuresOf(text, index), plan: text }));
    stub.state.throttles = HOSTILE.map((text, index) =>
      throttleOf(text, {
        now,
        id: `t${index}`,
        reason: text,
        created_by: text,
        scope: { route: text, service: text },
        acks: [{ instance_id: text, service: text, acked_at: new Date(now).toISOString() }],
      }),
    );
    stub.state.anomalies = HOSTILE.map((text, index) =>
      anomalyOf(text, { now, id: `a${index}`, reason: text, rule: text }),
    );
    stub.state.breakers = HOSTILE.map((text) =>
      breakerOf(text, {
        now,
        integration: text,
        last_error: text,
        flapping: {
          ...{ instances: 1, openings: 3, window_seconds: 600, since: new Date(now).toISOString(), reason: text },
          offer: { state: 'open', expires_in_seconds: 600 },
        },
      }),
    );
    stub.state.groups = { route: HOSTILE, db_operation: HOSTILE, db_system: HOSTILE, model: HOSTILE };
    const { page, faults } = await openPage(browser, stub.url);
    const injected = () => page.locator(INJECTED).count();

    await page.goto(stub.url);
    await page
      .getByTestId('tenant-row')
      .nth(HOSTILE.length - 1)
      .waitFor();
    await page.getByTestId('attention').getByRole('button').click();
    const shown = await page.locator('.tenant-link').allTextContents();
    expect(new Set(shown)).toEqual(new Set(HOSTILE));
    expect(await injected()).toBe(0);

    for (const text of HOSTILE) {
      await page.goto(`${stub.url}/tenants/${encodeURIComponent(text)}`);
      await page.getByTestId('chart-ai-models').locator('canvas').waitFor();
      expect(await page.locator('h1').textContent()).toBe(text);
      expect(await page.getByTestId('chart-p95-by-route').locator('.legend-label').allTextContents()).toContain(
        HOSTILE[0],
      );
      expect(await injected()).toBe(0);
    }
    await page.getByTestId('throttle-button').click();
    await page
      .getByTestId('throttle-dialog')
      .getByLabel('On', { exact: true })
      .locator('option')
      .nth(HOSTILE.length)
      .waitFor({ state: 'attached' });
    expect(await injected()).toBe(0);

    await page.context().close();
    await stub.close();
    expect(faults).toEqual([]);
  });

  it('is a test that would notice: the same page without the care shows the fault', async (context) => {
    if (NO_BROWSER !== undefined) return context.skip(NO_BROWSER);
    const stub = await startDashboardsStub(builtPages());
    stub.state.tenants = [figuresOf('acme', 0)];
    const { page, faults } = await openPage(browser, stub.url);
    await page.goto(stub.url);
    await page.getByTestId('tenant-row').waitFor();
    await page.evaluate('document.querySelector("main").innerHTML = \'<img src=x onerror="alert(1)">\'');
    await expect.poll(() => faults.some((fault) => fault.includes('CSP violation: script-src'))).toBe(true);
    expect(await page.locator(INJECTED).count()).toBe(1);
    await page.context().close();
    await stub.close();
  });
});
