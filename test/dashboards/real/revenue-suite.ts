import { expect, it } from 'vitest';
import { formatAmount } from '../../../dashboards/src/shared/money.ts';
import type { KeyList, PlanItem, RevenueAnswer, UnmappedCustomerList } from '../../../src/api/contract.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';
import { SUBSCRIPTION_HEADER, subscriptionLine } from '../../support/revenue-samples.ts';

const CUSTOMER = 'cus_ops';
const TENANT = 'ops-payer';

/** Revenue, keys and plans, over the real server. */
export function revenueSuite(world: () => DashboardsWorld): void {
  const ask = async <Body>(path: string, options = {}) => (await world().tenantry.ask<Body>(path, options)).body;
  const unmapped = async () => {
    const { items } = await ask<UnmappedCustomerList>('/v1/revenue/unmapped');
    return items.some(({ customer_id: id }) => id === CUSTOMER);
  };

  it('looks at a file, takes it, and learns which tenant a customer is', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/revenue`);
    const line = subscriptionLine({ id: 'sub_ops', 'Customer ID': CUSTOMER });
    const buffer = Buffer.from([SUBSCRIPTION_HEADER, line].join('\n'));
    await page.locator('input[type=file]').setInputFiles({ name: 'ops.csv', mimeType: 'text/csv', buffer });
    await page.getByRole('button', { name: 'Show what it brings' }).click();
    const preview = page.getByTestId('revenue-preview');
    await preview.getByText('1 new, 0 changed').waitFor();
    expect(await unmapped()).toBe(false);
    await preview.getByRole('button', { name: 'Import it' }).click();
    await page.getByTestId('revenue-imported').waitFor();
    expect(await unmapped()).toBe(true);

    const row = page.locator(`[data-customer="${CUSTOMER}"]`);
    await row.getByRole('button').click();
    const dialog = page.getByTestId('map-dialog');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('Say which tenant it is.').waitFor();
    await dialog.getByLabel('Tenant').fill(TENANT);
    await dialog.getByRole('button', { name: 'Save' }).click();
    await row.waitFor({ state: 'detached' });
    expect(await unmapped()).toBe(false);
    const shown = page.locator(`[data-testid="table-revenue"] tr[data-key="${TENANT} USD"]`);
    await shown.waitFor();
    const { items } = await ask<RevenueAnswer>('/v1/revenue');
    const mrr = items.find(({ tenant_id: id }) => id === TENANT)?.mrr_micro ?? null;
    expect(mrr).toBe(29_000_000);
    expect(await shown.locator('td[data-column="mrr"]').textContent()).toBe(formatAmount(mrr, 'USD'));
    expect(faults).toEqual([]);
  });

  it('shows a new key once, and revokes it after a question', async () => {
    const { page, faults } = await world().signedIn('admin');
    await page.goto(`${world().tenantry.url}/keys`);
    await page.getByRole('button', { name: 'New key' }).click();
    const dialog = page.getByTestId('key-dialog');
    await dialog.getByLabel('Name').fill('ops key');
    await dialog.getByLabel('For', { exact: true }).selectOption('flags');
    await dialog.getByRole('button', { name: 'Make the key' }).click();
    const key = (await page.getByTestId('key-text').textContent()) ?? '';
    const flags = () => world().tenantry.ask('/v1/flags', { token: key });
    expect((await flags()).status).toBe(200);
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.getByTestId('key-shown').waitFor({ state: 'detached' });
    expect(await page.content()).not.toContain(key);

    await page.getByRole('button', { name: 'Rotate … ops key' }).click();
    const rotation = page.getByTestId('rotate-dialog');
    await rotation.getByLabel('The old secret works on').selectOption({ label: 'For an hour' });
    await rotation.getByRole('button', { name: 'Make it' }).click();
    const fresh = (await page.getByTestId('key-text').textContent()) ?? '';
    expect(fresh).not.toBe(key);
    const statuses = async () => {
      const answers = [key, fresh].map((token) => world().tenantry.ask('/v1/flags', { token }));
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    expect(await statuses()).toEqual([200, 200]);
    await page.getByRole('button', { name: 'I have it' }).click();
    const shown = page.locator('[data-testid="table-keys"] tr').filter({ hasText: 'ops key' });
    await shown
      .getByTestId('previous-secret')
      .getByText(/^Old secret until .*, not used since/)
      .waitFor();
    await page.getByRole('button', { name: 'End it now ops key' }).click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'End it' }).click();
    await shown.getByTestId('previous-secret').waitFor({ state: 'detached' });
    expect(await statuses()).toEqual([401, 200]);

    await page.getByRole('button', { name: 'Revoke … ops key' }).click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Revoke' }).click();
    const row = page.locator('[data-testid="table-keys"] tr').filter({ hasText: 'ops key' });
    await row.locator('td[data-column="status"]').getByText('revoked', { exact: true }).waitFor();
    const { items } = await ask<KeyList>('/v1/keys');
    expect(items.find(({ name }) => name === 'ops key')?.status).toBe('revoked');
    expect(await statuses()).toEqual([401, 401]);
    expect(faults).toEqual([]);
  });

  it('says what a plan includes, which sales may change and SREs may read', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/plans`);
    await page.getByRole('button', { name: 'New plan' }).click();
    const dialog = page.getByTestId('plan-dialog');
    await dialog.getByLabel('Name').fill('ops plan');
    await dialog.getByLabel('Quotas').fill('requests month 1000 hard\nnonsense');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.getByText('No quota: nonsense').waitFor();
    await dialog.getByLabel('Quotas').fill('requests month 1000 hard');
    await dialog.getByLabel('Price a month').fill('499.00');
    await dialog.getByRole('button', { name: 'Save' }).click();
    const card = page.locator('[data-plan="ops plan"]');
    await card.getByText('1,000 requests a month, hard').waitFor();
    expect(await ask<PlanItem>('/v1/plans/ops%20plan')).toMatchObject({
      terms: {
        quotas: [{ key: 'requests', period: 'month', limit: 1_000, kind: 'hard' }],
        price: { amount_micro: 499_000_000, currency: 'USD' },
      },
    });
    const sre = await world().signedIn('sre');
    await sre.page.goto(`${world().tenantry.url}/plans`);
    await sre.page.locator('[data-plan="ops plan"]').waitFor();
    expect(await sre.page.getByRole('button', { name: 'New plan' }).count()).toBe(0);
    expect([...faults, ...sre.faults]).toEqual([]);
  });
}
