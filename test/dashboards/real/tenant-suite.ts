import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import type { QueryList, TenantList } from '../../../src/api/contract.ts';
import type { LatencyHeatMap, TraceList } from '../../../src/api/traces-contract.ts';
import { loadSections } from '../../support/dashboards-sections.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';
import type { OtlpSpan } from '../../support/otlp-proto.ts';
import { CLIENT, requestSpan, traceSpan } from '../../support/trace-samples.ts';

const TENANT = 'page-elm';
const SLOWEST_MS = 7_400;

/** Requests of three routes a second apart; one of them is far slower than all others. */
function seeded(at: number): OtlpSpan[] {
  const pairs = Array.from({ length: 60 }, (_, index) => index.toString(16).padStart(2, '0'));
  const routes = ['GET /elm/list', 'GET /elm/item', 'POST /elm/import'];
  return pairs.flatMap((pair, index) => {
    const base = { tenant: TENANT, trace: 'e0' };
    const trace = Buffer.from(pair.repeat(15).concat('e1'), 'hex');
    const ms = index === 30 ? SLOWEST_MS : 20 + index * 3;
    return [
      requestSpan(routes[index % 3] ?? '', {
        ...{ ...base, span: 'e1', at: at + index * 1_000, ms, more: { trace_id: trace } },
        attributes: { 'http.response.status_code': index % 20 === 4 ? 500 : 200 },
      }),
      traceSpan({
        ...{ ...base, span: 'e2', parent: 'e1', name: 'SELECT elms', kind: CLIENT, at: at + index * 1_000 + 1, ms: 5 },
        attributes: { 'db.system.name': 'postgresql', 'db.query.text': `SELECT * FROM elms WHERE id = ${index}` },
        more: { trace_id: trace },
      }),
    ];
  });
}

/** The page of one tenant, over the real server. */
export function tenantSuite(world: () => DashboardsWorld): void {
  let at: number;
  const ask = async <T>(path: string) => (await world().tenantry.ask<T>(path)).body;
  const window = () => `from=${new Date(at - 600_000).toISOString()}&to=${new Date(at + 600_000).toISOString()}`;
  const open = async (page: Page) => {
    await page.goto(`${world().tenantry.url}/tenants/${TENANT}?${window()}`);
    await page.getByTestId('tenant-figures').waitFor();
  };
  const rowsOf = (page: Page, table: string) => page.getByTestId(`table-${table}`).locator('tbody tr');
  const cells = (page: Page, table: string, column: string) =>
    page.getByTestId(`table-${table}`).locator(`tbody td[data-column="${column}"]`).allTextContents();

  beforeAll(async () => {
    at = Math.floor((world().seededTo - 1_800_000) / 60_000) * 60_000;
    await world().send(seeded(at));
  });

  it('shows the figures, routes and statements that the API returns, section by section', async () => {
    const { page, faults } = await world().signedIn('sre');
    await open(page);
    await loadSections(page);
    const list = await ask<TenantList>(`/v1/tenants?${window()}&q=${TENANT}`);
    const figures = list.items[0];
    expect(figures?.requests).toBe(60);
    const shown = await page.getByTestId('tenant-figures').textContent();
    for (const part of ['Requests60', '5.00%3 failed', 'Database calls60']) expect(shown).toContain(part);

    const heat = await ask<LatencyHeatMap>(`/v1/tenants/${TENANT}/latency-heat?${window()}`);
    await rowsOf(page, 'routes').first().waitFor();
    expect(await cells(page, 'routes', 'route')).toEqual(heat.routes.map(({ route }) => route));
    expect(await cells(page, 'routes', 'requests')).toEqual(heat.routes.map(({ requests }) => String(requests)));

    const queries = await ask<QueryList>(`/v1/tenants/${TENANT}/queries?${window()}`);
    expect(queries.items.map(({ query }) => query)).toEqual(['SELECT * FROM elms WHERE id = ?']);
    expect(await cells(page, 'queries', 'query')).toEqual(queries.items.map(({ query }) => query));
    expect(await cells(page, 'queries', 'calls')).toEqual(['60']);
    expect(await cells(page, 'failed', 'status')).toEqual(['500', '500', '500']);
    expect(faults).toEqual([]);
  });

  it('leads from the slowest cell of the map to the trace behind it', async () => {
    const { page, faults } = await world().signedIn('sre');
    await open(page);
    const plot = page.getByRole('slider', { name: /^Requests by time and latency/ });
    await plot.scrollIntoViewIfNeeded();
    const boxes = await Promise.all((await page.locator('.heat-plot rect').all()).map((rect) => rect.boundingBox()));
    // The topmost is the slowest.
    const spot = boxes.toSorted((left, right) => (left?.y ?? 0) - (right?.y ?? 0))[0] ?? null;
    if (spot === null) throw new Error('the map has no cell');
    await page.mouse.click(spot.x + spot.width / 2, spot.y + spot.height / 2);
    await page.waitForURL(/\/traces\?/);
    await rowsOf(page, 'traces').first().waitFor();
    const query = new URL(page.url()).searchParams;
    expect([query.get('min_ms'), query.get('max_ms')]).toEqual(['7000', '10000']);
    const { items } = await ask<TraceList>(`/v1/tenants/${TENANT}/traces?${query}`);
    expect(items.map(({ duration_ms: ms }) => ms)).toEqual([SLOWEST_MS]);
    expect(await cells(page, 'traces', 'duration_ms')).toEqual(['7.40 s']);
    await rowsOf(page, 'traces').locator('a').click();
    await page.getByTestId('waterfall').waitFor();
    await expect
      .poll(() => page.locator('.waterfall-text').allTextContents())
      .toEqual(['GET /elm/list', 'SELECT elms']);
    expect(faults).toEqual([]);
  });

  it('throttles, and then shows who did what and what is in force', async () => {
    const { page, faults } = await world().signedIn('admin');
    await open(page);
    await page.getByTestId('throttle-button').click();
    const dialog = page.getByTestId('throttle-dialog');
    await dialog.getByLabel('Reason').fill('Import of elms at noon');
    await dialog.getByRole('button', { name: 'Throttle' }).click();
    await page.getByTestId('active-throttle').getByText('Import of elms at noon').waitFor();
    await loadSections(page);
    const { items } = await ask<{ items: { id: string; reason: string }[] }>(`/v1/throttles?tenant_id=${TENANT}`);
    expect(items.map(({ reason }) => reason)).toEqual(['Import of elms at noon']);
    expect(await cells(page, 'flags', 'reason')).toEqual(['Import of elms at noon']);
    const audit = await ask<{ items: { action: string }[] }>(`/v1/audit?tenant_id=${TENANT}&limit=100`);
    await rowsOf(page, 'audit').first().waitFor();
    expect(await cells(page, 'audit', 'action')).toEqual(audit.items.map(({ action }) => action));
    expect(audit.items.map(({ action }) => action)).toContain('throttle.create');
    await world().tenantry.ask(`/v1/throttles/${items[0]?.id}`, { method: 'DELETE' });
    expect(faults).toEqual([]);
  });

  it('offers sales what they may see and do', async () => {
    const { page, faults } = await world().signedIn('sales', { viewport: { width: 390, height: 844 } });
    await open(page);
    await loadSections(page);
    await page.getByTestId('throttle-button').waitFor({ state: 'detached' });
    await page.getByTestId('part-instances').waitFor({ state: 'detached' });
    await page.getByTestId('part-storage').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    expect(faults).toEqual([]);
  });
}
