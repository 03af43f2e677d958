import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { formatAmount } from '../../../dashboards/src/shared/money.ts';
import type { CostExplanation, CostList, MarginAnswerBody, TenantProfileList } from '../../../src/api/contract.ts';
import { type SeededCustomer, seedCosts } from '../../support/cost-pages-seed.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';

const HOSTILE = `<img src=x onerror="alert(1)">`;
const CUSTOMERS: readonly SeededCustomer[] = [
  { id: 'cost-a', plan: 'cost-gold', segment: 'big', owner: 'Ada', name: 'Alpha GmbH', daily: 12.34, pays: 2_000 },
  { id: 'cost-b', plan: 'cost-gold', segment: 'small', owner: 'Bo', name: HOSTILE, daily: 3.21, pays: 100 },
  { id: 'cost-c', plan: 'cost-tin', segment: HOSTILE, owner: 'Ada', name: null, daily: 7.77, pays: 50 },
  { id: 'cost-d', plan: 'cost-tin', segment: null, owner: null, name: null, daily: 0.5, pays: null },
];
const DAY_MS = 86_400_000;

/** Cost and margin, over the real server: bills, revenue and profiles come in by the API first. */
export function costSuite(world: () => DashboardsWorld): void {
  const now = Date.now();
  const date = new Date(now);
  const start = (ahead: number) => new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead)).toISOString();
  const tomorrow = new Date(Math.floor(now / DAY_MS) * DAY_MS + DAY_MS).toISOString();
  const toDate = `from=${start(0)}&to=${tomorrow}`;
  const lastMonth = start(-1).slice(0, 7);

  beforeAll(() => seedCosts(world().tenantry, CUSTOMERS, { months: 3, now }));

  const ask = async <Body>(path: string) => (await world().tenantry.ask<Body>(path)).body;
  const open = async (role: 'sales' | 'sre', path: string, viewport = { width: 1600, height: 900 }) => {
    const watched = await world().signedIn(role, { viewport });
    await watched.page.goto(`${world().tenantry.url}${path}`);
    return watched;
  };
  const cell = (page: Page, tenant: string, column: string) =>
    page.locator(`[data-testid="table-costs"] tr[data-key="${tenant}"] td[data-column="${column}"]`);
  const seen = async (page: Page, testId: string) => (await page.getByTestId(testId).textContent()) ?? '';

  it('shows every tenant’s cost, revenue and margin to the cent, and where the bill went', async () => {
    const { page, faults } = await open('sales', '/costs');
    const costs = await ask<CostList>(`/v1/costs?${toDate}`);
    const margins = await ask<MarginAnswerBody>(`/v1/margins?${toDate}`);
    await cell(page, 'cost-a', 'margin').getByText('$').waitFor();
    const usd = (micro: number | string) => formatAmount(micro, 'USD');
    for (const { id, pays } of CUSTOMERS) {
      const cost = costs.items.find((item) => item.tenant_id === id);
      const margin = margins.tenants.find((item) => item.tenant_id === id);
      expect((await cell(page, id, 'cost').textContent())?.trim()).toBe(usd(cost?.cost_micro ?? -1));
      expect(await cell(page, id, 'revenue').textContent()).toBe(
        pays === null ? 'unknown' : usd(margin?.revenue_micro ?? -1),
      );
      expect(await cell(page, id, 'margin').textContent()).toBe(
        pays === null ? 'unknown' : usd(margin?.margin_micro ?? -1),
      );
    }
    const tenants = costs.items.reduce((sum, item) => sum + item.cost_micro, 0);
    expect(await seen(page, 'identity-tenants')).toContain(usd(tenants));
    expect(await seen(page, 'identity-shared')).toContain(usd(costs.shared_micro));
    expect(await seen(page, 'identity-unallocated')).toContain(usd(costs.unallocated_micro));
    expect(await seen(page, 'identity-whole')).toContain(usd(costs.bill_micro + costs.estimated_micro));
    expect(await seen(page, 'residual')).toBe('Residual 0.000000 USD: checked');
    expect(await seen(page, 'total-cost')).toContain(usd(tenants));
    expect(await seen(page, 'total-margin')).toContain(usd(margins.total.margin_micro ?? -1));
    // What is missing is said: the seeded model without a price, and the lines that no rule is for.
    expect(await seen(page, 'cost-strip')).toContain('openai/in-house-7b');
    expect(await seen(page, 'cost-strip')).toContain(`${usd(costs.unallocated_micro)} is nobody’s yet`);
    await expect
      .poll(() => page.getByTestId('cost-strip').getByRole('link').allTextContents())
      .toEqual(['Give them a price', 'See bills and rules']);
    expect(faults).toEqual([]);
  });

  it('filters by what the URL says, adds up what is left, and keeps hostile names as text', async () => {
    const { page, faults } = await open('sales', `/costs?month=${lastMonth}&owner=Ada`);
    const costs = await ask<CostList>(`/v1/costs?from=${start(-1)}&to=${start(0)}`);
    await cell(page, 'cost-a', 'cost').waitFor();
    const shown = () =>
      page
        .locator('[data-testid="table-costs"] tbody tr')
        .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-key')));
    const sumOf = (ids: readonly string[]) =>
      formatAmount(
        costs.items.filter((item) => ids.includes(item.tenant_id)).reduce((sum, item) => sum + item.cost_micro, 0),
        'USD',
      );
    expect(await shown()).toEqual(['cost-a', 'cost-c']);
    expect(await seen(page, 'total-cost')).toContain(sumOf(['cost-a', 'cost-c']));
    await page.getByTestId('filter-segment').selectOption({ label: HOSTILE });
    await page.getByTestId('match-count').getByText('1 tenant of').waitFor();
    expect(await shown()).toEqual(['cost-c']);
    expect(await seen(page, 'total-cost')).toContain(sumOf(['cost-c']));
    expect(new URL(page.url()).searchParams.get('segment')).toBe(HOSTILE);
    await page.getByRole('button', { name: 'Clear' }).click();
    await cell(page, 'cost-b', 'tenant').getByText(HOSTILE).waitFor();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    await page.getByRole('searchbox').fill('alpha gm');
    await page.getByTestId('match-count').getByText('1 tenant of').waitFor();
    expect(await shown()).toEqual(['cost-a']);
    expect(faults).toEqual([]);
  });

  it('unfolds a tenant’s cost to the shares and lines of its bills, and every sum is checked', async () => {
    const { page, faults } = await open('sales', `/costs/cost-a?month=${lastMonth}`);
    const window = `from=${start(-1)}&to=${start(0)}`;
    const { items } = await ask<CostList>(`/v1/costs?${window}&tenant_id=cost-a`);
    const cost = items[0]?.cost_micro ?? -1;
    const total = formatAmount(cost, 'USD');
    await page.getByTestId('tenant-cost').getByText(total).waitFor();
    expect(await seen(page, 'parts-checked')).toBe(`Adds up to ${total}: checked`);
    const explained = await ask<CostExplanation>(`/v1/costs/cost-a/explain?${window}&part=databases&limit=500`);
    await page.locator('[data-testid="table-parts"] tr[data-key="databases"] button').click();
    await page.getByTestId('checked-databases').waitFor();
    expect(await seen(page, 'checked-databases')).toBe(
      `Adds up to ${formatAmount(items[0]?.parts['databases'] ?? -1, 'USD')}: checked`,
    );
    const rows = page.locator('[data-testid="table-shares-databases"] tbody tr[data-key]');
    await expect.poll(() => rows.count()).toBe(explained.items.length);
    await rows.first().getByRole('button').click();
    const [largest] = explained.items;
    expect(await seen(page, 'formula')).toBe(largest?.formula);
    const line = page.locator('[data-testid="table-bill-lines"] tbody tr').first();
    expect(await line.textContent()).toContain(`${largest?.lines[0]?.amount} USD`);
    // A link to what is open brings somebody else to the same share.
    const again = await open('sales', new URL(page.url()).pathname + new URL(page.url()).search);
    expect(await seen(again.page, 'formula')).toBe(largest?.formula);
    expect([...faults, ...again.faults]).toEqual([]);
  });

  it('changes who a tenant is, and the list of customers and the filters say so', async () => {
    const { page, faults } = await open('sales', '/costs/cost-d');
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByTestId('profile-form').getByLabel('Segment').fill('grown');
    await page.getByTestId('profile-form').getByLabel('Owner').fill('Cy');
    await page.getByTestId('profile-form').getByRole('button', { name: 'Save' }).click();
    await page.getByTestId('profile').getByText('grown').waitFor();
    const { items } = await ask<TenantProfileList>('/v1/tenant-profiles?owner=Cy');
    expect(items).toMatchObject([{ tenant_id: 'cost-d', segment: 'grown', owner: 'Cy' }]);
    const list = await open('sales', '/costs?segment=grown');
    await cell(list.page, 'cost-d', 'cost').waitFor();
    expect([...faults, ...list.faults]).toEqual([]);
  });

  it('imports segments and owners: names the bad lines, and takes a good file as previewed', async () => {
    const { page, faults } = await open('sales', '/costs');
    await page.getByRole('button', { name: 'Import segments and owners' }).click();
    const choose = (text: string) =>
      page
        .locator('input[type="file"]')
        .setInputFiles({ name: 'p.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
    await choose('tenant_id,segment\ncost-b,medium\nno id,x\n');
    await page.locator('[data-testid="table-profile-problems"]').getByText('tenant_id is no tenant id').waitFor();
    expect(
      await page
        .getByRole('button', { name: 'Apply' })
        .or(page.getByRole('button', { name: /^Change/ }))
        .isDisabled(),
    ).toBe(true);
    await choose('tenant_id,segment\ncost-b,medium\ncost-a,big\n');
    await page.getByTestId('profile-preview').getByText('1 of 2 lines change something').waitFor();
    await page.getByRole('button', { name: 'Change 1' }).click();
    await page.getByTestId('profile-import').waitFor({ state: 'detached' });
    const { items } = await ask<TenantProfileList>('/v1/tenant-profiles?q=cost-b');
    expect(items).toMatchObject([{ tenant_id: 'cost-b', segment: 'medium', owner: 'Bo' }]);
    expect(faults).toEqual([]);
  });

  it('shows margins by plan as the API has them, and what moved adds up', async () => {
    const { page, faults } = await open('sales', `/margins?month=${lastMonth}`);
    const answer = await ask<MarginAnswerBody>(`/v1/margins?from=${start(-1)}&to=${start(0)}&group_by=plan`);
    for (const plan of ['cost-gold', 'cost-tin']) {
      const margin = answer.plans.find((item) => item.plan === plan)?.margin_micro ?? -1;
      const shown = page.locator(`tr[data-key="plan ${plan}"] td[data-column="margin"]`);
      expect(await shown.textContent()).toBe(formatAmount(margin, 'USD'));
    }
    expect(await seen(page, 'plans-checked')).toBe(
      `Adds up to ${formatAmount(answer.total.margin_micro ?? -1, 'USD')}: checked`,
    );
    await page.getByTestId('mrr-USD').getByText('Adds up: checked').waitFor();
    expect(faults).toEqual([]);
  });

  it('shows costs and no revenue to sre, whom the server refuses margins', async () => {
    const { page, faults } = await open('sre', '/costs');
    await cell(page, 'cost-a', 'cost').waitFor();
    expect(await cell(page, 'cost-a', 'margin').count()).toBe(0);
    expect(await page.getByTestId('total-revenue').count()).toBe(0);
    expect(await page.getByRole('button', { name: 'Import segments and owners' }).count()).toBe(0);
    await page.goto(`${world().tenantry.url}/margins`);
    await page.getByTestId('error-state').first().waitFor();
    expect(await page.locator('[data-testid="table-plans"]').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('gives a tenant’s admin no figure of what anybody costs', async () => {
    const { page } = await world().signedIn('tenant_admin', { tenantId: 'cost-a' });
    for (const path of ['/costs', '/costs/cost-a', '/margins']) {
      await page.goto(`${world().tenantry.url}${path}`);
      await page.getByTestId('error-state').first().waitFor();
      expect(await page.locator('table').count()).toBe(0);
    }
  });

  it('fits a phone', async () => {
    const viewport = { width: 390, height: 844 };
    const { page, faults } = await open('sales', '/costs', viewport);
    await cell(page, 'cost-a', 'cost').waitFor();
    const overflow = () => page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    expect(await overflow()).toBeLessThanOrEqual(0);
    await page.goto(`${world().tenantry.url}/costs/cost-a?part=compute`);
    await page.getByTestId('checked-compute').waitFor();
    expect(await overflow()).toBeLessThanOrEqual(0);
    expect(faults).toEqual([]);
  });
}
