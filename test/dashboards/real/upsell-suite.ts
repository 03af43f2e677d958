import { readFile } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import type { DirectoryList } from '../../../src/api/lifecycle-contract.ts';
import type { QuotaList } from '../../../src/api/quotas-contract.ts';
import type { SignalList } from '../../../src/api/signals-contract.ts';
import { CUSTOMERS, seedCustomers } from '../../support/dashboards-customers.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';

/** As long as the browser's own waits: a busy machine is slow, not wrong. */
const PATIENCE = { timeout: 30_000 };

/** Whom to talk to, and the sheet about one of them, over the real server. */
export function upsellSuite(world: () => DashboardsWorld): void {
  beforeAll(() => seedCustomers(world()));
  const ask = async <Body>(path: string) => (await world().tenantry.ask<Body>(path)).body;
  const at = (path: string) => `${world().tenantry.url}${path}`;

  it('shows each signal that the API returns with the plan that fits and its worth', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(at('/upsell'));
    await page.getByTestId('lead').first().waitFor();
    const { items } = await ask<SignalList>('/v1/signals?limit=500');
    const own = items.filter(({ tenant_id }) => tenant_id in CUSTOMERS);
    expect(own).toHaveLength(5);
    for (const { tenant_id, kind, sentence } of own) {
      const shown = page.locator(`[data-tenant="${tenant_id}"] [data-signal="${kind}"]`);
      expect(await shown.textContent()).toContain(sentence);
    }
    const offer = async (tenant: string) => {
      const card = page.locator(`[data-tenant="${tenant}"]`);
      return Promise.all(['plan-now', 'plan-fits', 'worth'].map((id) => card.getByTestId(id).textContent()));
    };
    expect(await offer('sales-near')).toEqual(['sales-team', 'sales-business', '+$200.00']);
    // What it loses a month is what a talk could end.
    expect(await offer('sales-calm')).toEqual(['sales-business', 'the plan now is large enough', '$63.40']);
    // The strongest signal first.
    const order = await page
      .getByTestId('lead')
      .evaluateAll((cards) => cards.map((card) => card.getAttribute('data-tenant')));
    expect(order.filter((tenant) => tenant !== null && tenant in CUSTOMERS)[0]).toBe('sales-over');

    // Filters are in the address, and what is shown is what is saved.
    await page.getByTestId('filter-owner').selectOption('kim');
    await expect.poll(() => page.getByTestId('lead').count(), PATIENCE).toBe(1);
    await page.getByTestId('filter-signal').selectOption('growth');
    await expect.poll(() => page.locator('[data-signal]').count(), PATIENCE).toBe(1);
    expect(new URL(page.url()).search).toBe('?owner=kim&signal=growth');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('Save as CSV').click()]);
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('sales-near,Near & Co.,retail,kim,sales-team,sales-business,200000000,USD,Growing');
    expect(faults).toEqual([]);
  });

  it('puts a signal aside with a reason and an end, in the API too', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(at('/upsell?q=sales-calm'));
    const signal = page.locator('[data-signal="limited_experience"]');
    await signal.getByRole('button', { name: /^Put aside/ }).click();
    const dialog = page.getByTestId('dismiss-dialog');
    await dialog.getByRole('button', { name: 'Put aside' }).click();
    expect(await dialog.textContent()).toContain('Say why');
    await dialog.getByLabel('Reason').fill('Limits were agreed on');
    await dialog.getByLabel('Until').selectOption('7');
    await dialog.getByRole('button', { name: 'Put aside' }).click();
    await signal.waitFor({ state: 'detached' });
    const { items } = await ask<SignalList>('/v1/signals?tenant_id=sales-calm&status=dismissed');
    expect(items).toMatchObject([{ kind: 'limited_experience', dismissed: { reason: 'Limits were agreed on' } }]);
    const days = (Date.parse(items[0]?.dismissed?.until ?? '') - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThanOrEqual(7);
    await page.getByText('Show those put aside').click();
    await expect.poll(() => signal.textContent(), PATIENCE).toContain('Limits were agreed on');
    expect(faults).toEqual([]);
  });

  it('lists who is near a quota with the share that the API returns', async () => {
    const { page, faults } = await world().signedIn('admin');
    await page.goto(at('/upsell?view=quotas&q=sales-'));
    const { items } = await ask<QuotaList>('/v1/quotas?tenant_id=sales-near');
    const near = items.find(({ key }) => key === 'requests');
    expect(near).toMatchObject({ used: CUSTOMERS['sales-near'].requests, limit: 200, state: 'reached_90' });
    const row = page.locator('[data-key="sales-near requests month"]');
    expect(await row.locator('[data-column="share"]').textContent()).toBe('95%');
    const over = page.locator('[data-key="sales-over requests month"]');
    expect(await over.locator('[data-column="reached_at"]').textContent()).toBe('Reached');
    expect(await page.locator('[data-key^="sales-calm requests"]').count()).toBe(0);
    // Where nothing is known of own instances, it says what is missing.
    await page.getByRole('link', { name: 'Own instance' }).click();
    await page.getByText('No offers are entered yet').waitFor();
    expect(new URL(page.url()).searchParams.get('q')).toBe('sales-');
    expect(faults).toEqual([]);
  });

  it('shows a customer on one page: what the API says, without cost unless asked', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(at('/customers/sales-near/sheet'));
    const sheet = page.getByTestId('sheet');
    await sheet.waitFor();
    const { items } = await ask<DirectoryList>('/v1/tenant-directory?tenant_id=sales-near');
    expect(await sheet.getByRole('heading', { level: 1 }).textContent()).toBe('Near & Co.');
    expect(await page.getByTestId('sheet-plan').textContent()).toBe(items[0]?.plan);
    expect(await page.getByTestId('total-requests').textContent()).toBe(String(CUSTOMERS['sales-near'].requests));
    const figures = await ask<{ items: { errors: number; requests: number; tenant_id: string }[] }>(
      `/v1/tenants?q=sales-near&from=${new Date(world().seededFrom).toISOString()}`,
    );
    const { errors = 0, requests = 1 } = figures.items[0] ?? {};
    expect(await page.getByTestId('error-rate').textContent()).toBe(`${((errors / requests) * 100).toFixed(2)}%`);
    expect(await page.getByTestId('suggestion').textContent()).toContain('plan sales-business, +$200.00 a month');
    expect(await page.locator('[data-quota="requests"]').textContent()).toContain('190');
    expect(await page.getByTestId('internal').count()).toBe(0);
    expect(await sheet.textContent()).not.toMatch(/margin/i);

    await page.getByLabel('Cost and margin (internal)').check();
    await page.getByTestId('internal').getByTestId('cost').waitFor();
    expect(await page.getByTestId('internal').textContent()).toContain('Internal');
    expect(await sheet.textContent()).toContain('Internal copy: holds cost and margin.');
    expect(faults).toEqual([]);
  });

  it('prints on one page of A4, white in a dark theme, without what is not the sheet', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.emulateMedia({ colorScheme: 'dark' });
    // Everything there is: the longest sheet.
    await page.goto(at('/customers/sales-near/sheet?internal=1'));
    await page.getByTestId('internal').getByTestId('cost').waitFor();
    const pdf = await page.pdf({ preferCSSPageSize: true });
    const text = pdf.toString('latin1');
    expect(text.match(/\/Type\s*\/Page\b/g)).toHaveLength(1);
    const [, width = 0, height = 0] = (/\/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]/.exec(text) ?? []).map(Number);
    expect([Math.round(width), Math.round(height)]).toEqual([595, 842]);
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const look = (selector: string, property: string) =>
      page.evaluate<string>(
        `getComputedStyle(document.querySelector(${JSON.stringify(selector)})).getPropertyValue('${property}')`,
      );
    expect(await look('.sheet', 'color')).toBe('rgb(20, 23, 28)');
    for (const hidden of ['.topbar', '.sheet-send', '.page-head']) expect(await look(hidden, 'display')).toBe('none');
    expect(faults).toEqual([]);
  });

  it('says that there is no such customer, and keeps others out', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(at('/customers/nobody-at-all/sheet'));
    expect(await page.getByTestId('no-customer').textContent()).toContain('nobody-at-all');
    expect(faults).toEqual([]);
    const sre = await world().signedIn('sre');
    await sre.page.goto(at('/upsell'));
    await expect.poll(() => sre.page.locator('main').textContent(), PATIENCE).toMatch(/role|allow/i);
    expect(await sre.page.getByTestId('lead').count()).toBe(0);
  });
}
