import type { Browser } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { builtPages, openPage } from '../../support/dashboards-browser.ts';
import { anomalyOf, breakerOf, figuresOf, throttleOf } from '../../support/dashboards-data.ts';
import { loadSections } from '../../support/dashboards-sections.ts';
import { startDashboardsStub } from '../../support/dashboards-stub.ts';
import { heatMap, spanItem, traceDetail, traceItem } from '../../support/dashboards-trace-data.ts';

/** Text that others write, wherever pages show it, over fixed answers. */
export function hostileTextSuite(browser: () => Browser): void {
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
    'script:not([src]), img:not([src="/favicon.svg"]), iframe, base, link[rel=stylesheet]:not([href^="/assets/"], [href^="http://127.0.0.1:"]), [onerror], [onload], svg:not([aria-hidden="true"], [role="img"])';

  /** A span that is hostile in every place that others can write. */
  function hostileSpan(text: string, index: number) {
    return spanItem(`h${index}`, index === 0 ? null : 'h0', [0, 10], {
      ...{ name: text, service: text, kind: text, scope: text, status: 'error', status_message: text },
      attributes: { [text]: text },
      events: [{ offset_ms: 1, name: text, attributes: { [text]: text } }],
    });
  }

  describe('hostile text', () => {
    it('is shown as text on both pages, and nothing else happens', async () => {
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
      stub.state.tenant.heat = heatMap([[1, 2, 3, 4]], HOSTILE);
      stub.state.tenant.statements = HOSTILE;
      stub.state.tenant.traces = HOSTILE.map((text, index) =>
        traceItem(String(index).repeat(32), { name: text, route: text, services: [text], error_message: text }),
      );
      stub.state.tenant.audit = HOSTILE.map((text, index) => ({
        ...{
          id: `e${index}`,
          at: new Date(now).toISOString(),
          actor: text,
          role: 'admin',
          action: text,
          tenant_id: text,
        },
        ...{ resource: text, before: null, after: { [text]: text }, request_id: text },
      }));
      stub.state.tenant.trace = traceDetail(HOSTILE.map((text, index) => hostileSpan(text, index)));
      const { page, faults } = await openPage(browser(), stub.url);
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
        await loadSections(page);
        await page.getByTestId('chart-ai-models').locator('canvas').waitFor();
        expect(await page.locator('h1').textContent()).toBe(text);
        await expect
          .poll(() => page.getByTestId('chart-p95-by-route').locator('.legend-label').allTextContents())
          .toContain(HOSTILE[0]);
        expect(await injected()).toBe(0);
      }
      const lastRoute = page
        .getByTestId('table-routes')
        .locator('tbody tr')
        .nth(HOSTILE.length - 1);
      await expect.poll(() => lastRoute.count()).toBe(1);
      await page.getByTestId('throttle-button').click();
      await page
        .getByTestId('throttle-dialog')
        .getByLabel('On', { exact: true })
        .locator('option')
        .nth(HOSTILE.length)
        .waitFor({ state: 'attached' });
      expect(await injected()).toBe(0);

      await page.goto(`${stub.url}/tenants/${encodeURIComponent(HOSTILE[0] ?? '')}/traces/${'ab'.repeat(16)}?span=h0`);
      await page.getByTestId('span-panel').waitFor();
      await expect.poll(() => page.locator('.waterfall-text').allTextContents()).toEqual(HOSTILE);
      expect(await page.getByTestId('span-panel').textContent()).toContain(HOSTILE[0]);
      expect(await injected()).toBe(0);

      await page.context().close();
      await stub.close();
      expect(faults).toEqual([]);
    });

    it('is a test that would notice: the same page without the care shows the fault', async () => {
      const stub = await startDashboardsStub(builtPages());
      stub.state.tenants = [figuresOf('acme', 0)];
      const { page, faults } = await openPage(browser(), stub.url);
      await page.goto(stub.url);
      await page.getByTestId('tenant-row').waitFor();
      await page.evaluate('document.querySelector("main").innerHTML = \'<img src=x onerror="alert(1)">\'');
      await expect.poll(() => faults.some((fault) => fault.includes('CSP violation: script-src'))).toBe(true);
      await expect.poll(() => page.locator(INJECTED).count()).toBe(1);
      await page.context().close();
      await stub.close();
    });
  });
}
