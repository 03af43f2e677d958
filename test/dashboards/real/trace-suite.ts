import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import type { TraceDetail, TraceList } from '../../../src/api/traces-contract.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';
import type { OtlpSpan } from '../../support/otlp-proto.ts';
import { CLIENT, requestSpan, traceSpan } from '../../support/trace-samples.ts';

const SHARED_TRACE = 'a7'.repeat(16);
const BROKEN_TRACE = 'a8'.repeat(16);
const WIDE_TRACE = 'a9'.repeat(16);
const SECRET = 'of-yew-alone';

/** Two tenants of their own, a trace that both have spans in, one that is broken in every way, and one of 2,100 spans. */
function seeded(at: number): OtlpSpan[] {
  const oak = { tenant: 'trace-oak', trace: 'a7' };
  const broken = { tenant: 'trace-oak', trace: 'a8' };
  const numbered = (index: number) => Buffer.from(index.toString(16).padStart(16, '0'), 'hex');
  return [
    requestSpan('POST /oak/checkout', { ...oak, span: '01', at, ms: 800 }),
    traceSpan({
      ...{ ...oak, span: '02', parent: '01', name: 'SELECT carts', kind: CLIENT, at: at + 50, ms: 600 },
      failed: 'deadlock found',
      attributes: { 'db.system.name': 'postgresql', 'db.password': 'hunter2' },
    }),
    requestSpan('POST /yew/batch', { trace: 'a7', span: '03', parent: '01', tenant: 'trace-yew', at: at + 60, ms: 90 }),
    traceSpan({ trace: 'a7', span: '04', parent: '03', tenant: 'trace-yew', name: SECRET, at: at + 70, ms: 10 }),
    requestSpan('GET /oak/broken', { ...broken, span: '11', at: at + 1_000, ms: 50 }),
    traceSpan({ ...broken, span: '12', parent: '99', name: 'orphan', at: at + 1_010, ms: 5 }),
    traceSpan({ ...broken, span: '13', parent: '14', name: 'ring one', at: at + 1_020, ms: 5 }),
    traceSpan({ ...broken, span: '14', parent: '13', name: 'ring two', at: at + 1_021, ms: 5 }),
    traceSpan({ ...broken, span: '15', parent: '11', name: 'early', at: at + 900, ms: 5 }),
    requestSpan('GET /oak/wide', { tenant: 'trace-oak', trace: 'a9', span: '21', at: at + 2_000, ms: 4_000 }),
    ...Array.from({ length: 2_100 }, (_, index) =>
      traceSpan({
        ...{
          tenant: 'trace-oak',
          trace: 'a9',
          span: '22',
          parent: '21',
          name: `part ${index}`,
          at: at + 2_001 + index,
        },
        more: { span_id: numbered(index + 1) },
      }),
    ),
  ];
}

/** Traces of a tenant, over the real server. */
export function traceSuite(world: () => DashboardsWorld): void {
  let at: number;
  const ask = <T>(path: string) => world().tenantry.ask<T>(path);
  const window = () => `from=${new Date(at - 60_000).toISOString()}&to=${new Date(at + 120_000).toISOString()}`;
  const open = async (page: Page, path: string) => page.goto(`${world().tenantry.url}${path}`);
  const traceOf = async (traceId: string) => (await ask<TraceDetail>(`/v1/tenants/trace-oak/traces/${traceId}`)).body;

  beforeAll(async () => {
    at = world().seededTo - 300_000;
    await world().send(seeded(at));
  });

  it('lists what the API lists, narrowed by the address and the form', async () => {
    const { page, faults } = await world().signedIn('sre');
    await open(page, `/tenants/trace-oak/traces?${window()}`);
    const rows = page.getByTestId('table-traces').locator('tbody tr');
    await rows.first().waitFor();
    const { body } = await ask<TraceList>(`/v1/tenants/trace-oak/traces?${window()}&limit=100`);
    const shown = await rows.evaluateAll((all) => all.map((row) => row.getAttribute('data-key')));
    expect(shown).toEqual(body.items.map(({ trace_id: id }) => id));
    expect(shown).toEqual([WIDE_TRACE, SHARED_TRACE, BROKEN_TRACE]);

    const filters = page.getByTestId('trace-filters');
    await filters.getByLabel('Route').fill('POST /oak/checkout');
    await filters.getByLabel('At least, ms').fill('500');
    await page.keyboard.press('Enter');
    await page.waitForURL(/route=POST/);
    await expect.poll(() => rows.count()).toBe(1);
    expect(new URL(page.url()).searchParams.get('min_ms')).toBe('500');
    await page.getByTestId('trace-filters').getByRole('button', { name: 'Failed' }).click();
    await page.getByText('No failed request fits.').waitFor();
    expect(faults).toEqual([]);
  });

  it('goes from a row to the waterfall, with the spans that the API returns and those that are not shown counted', async () => {
    const { page, faults } = await world().signedIn('sre');
    await open(page, `/tenants/trace-oak/traces?${window()}&route=POST+%2Foak%2Fcheckout`);
    await page.locator(`[data-key="${SHARED_TRACE}"] a`).click();
    await page.getByTestId('waterfall').waitFor();
    const trace = await traceOf(SHARED_TRACE);
    await expect
      .poll(() => page.locator('.waterfall-text').allTextContents())
      .toEqual(trace.spans.map(({ name }) => name));
    expect([trace.spans.length, trace.other_spans]).toEqual([2, 2]);
    expect(await page.getByTestId('trace-honesty').textContent()).toBe(
      '2 spans of this trace are not of this tenant and not shown.',
    );
    expect(await page.content()).not.toContain(SECRET);

    await page.getByRole('button', { name: 'Next error' }).click();
    const panel = page.getByTestId('span-panel');
    await panel.getByText('deadlock found').waitFor();
    expect(await panel.textContent()).toContain('(hidden)');
    expect(await page.content()).not.toContain('hunter2');
    expect(new URL(page.url()).searchParams.get('span')).toBe('02'.repeat(8));
    expect(faults).toEqual([]);
  });

  it('is walked through by keyboard', async () => {
    const { page, faults } = await world().signedIn('sre');
    await open(page, `/tenants/trace-oak/traces/${SHARED_TRACE}`);
    const items = page.getByRole('treeitem');
    await items.first().focus();
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => items.count()).toBe(1);
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => items.count()).toBe(2);
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => page.getByTestId('span-panel').locator('h2').textContent()).toBe('SELECT carts');
    expect(await page.evaluate('document.activeElement.dataset.key')).toBe('02'.repeat(8));
    expect(faults).toEqual([]);
  });

  it('says what is odd about parents and clocks, and shows every span all the same', async () => {
    const { page, faults } = await world().signedIn('sre');
    await open(page, `/tenants/trace-oak/traces/${BROKEN_TRACE}`);
    await page.getByTestId('waterfall').waitFor();
    expect((await page.locator('.waterfall-text').allTextContents()).toSorted()).toEqual(
      ['GET /oak/broken', 'early', 'orphan', 'ring one', 'ring two'].toSorted(),
    );
    const said = await page.getByTestId('trace-honesty').textContent();
    for (const part of [
      '1 span names a parent that is not here',
      '1 ring of parents',
      '1 span begins before the parent',
    ]) {
      expect(said).toContain(part);
    }
    expect(faults).toEqual([]);
  });

  it('holds 2,000 spans with few of them in the page, on a phone without sideways scrolling', async () => {
    const { page, faults } = await world().signedIn('sre', { viewport: { width: 390, height: 844 } });
    await open(page, `/tenants/trace-oak/traces/${WIDE_TRACE}`);
    await page.getByTestId('waterfall').waitFor();
    expect(await page.getByTestId('trace-honesty').textContent()).toContain(
      'The first 2,000 of 2,101 spans are shown.',
    );
    await expect.poll(() => page.getByRole('treeitem').count()).toBeLessThan(120);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    await page.getByRole('treeitem').first().focus();
    await page.keyboard.press('End');
    await expect.poll(() => page.getByTestId('span-panel').locator('h2').textContent()).toBe('part 1998');
    expect(faults).toEqual([]);
  });

  it("tells nobody of another tenant's part of a trace, and nobody whether a trace is there", async () => {
    const viewer = await world().signedIn('viewer', { tenantId: 'trace-oak' });
    const askAs = async (path: string) => {
      const answer = await viewer.page.request.get(`${world().tenantry.url}${path}`);
      return { status: answer.status(), body: await answer.json() };
    };
    const own: { body: TraceDetail } = await askAs(`/v1/tenants/trace-oak/traces/${SHARED_TRACE}`);
    expect(own.body.spans.map(({ name }) => name)).toEqual(['POST /oak/checkout', 'SELECT carts']);
    expect([own.body.other_spans, own.body.resources]).toEqual([null, []]);
    expect(JSON.stringify(own.body)).not.toMatch(new RegExp(`${SECRET}|yew|deadlock|hunter2`));
    const others = await askAs(`/v1/tenants/trace-yew/traces/${SHARED_TRACE}`);
    const nobodys = await askAs(`/v1/tenants/no-such-one/traces/${SHARED_TRACE}`);
    expect(others.status).toBe(404);
    const { request_id: _one, ...told } = others.body;
    const { request_id: _two, ...toldOfNobody } = nobodys.body;
    expect(told).toEqual(toldOfNobody);

    const { page, faults } = await world().signedIn('sre');
    await open(page, `/tenants/trace-yew/traces/${BROKEN_TRACE}`);
    await page.getByTestId('trace-absent').waitFor();
    expect(faults).toEqual([]);
  });
}
