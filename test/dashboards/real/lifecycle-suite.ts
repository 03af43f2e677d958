import { beforeAll, expect, it } from 'vitest';
import type { DirectoryList } from '../../../src/api/lifecycle-contract.ts';
import type { QuotaList } from '../../../src/api/quotas-contract.ts';
import { CUSTOMERS, seedCustomers } from '../../support/dashboards-customers.ts';
import { type DashboardsWorld, requestSpans } from '../../support/dashboards-world.ts';
import { INGEST_KEY } from '../../support/flow-tenantry.ts';
import { until } from '../../support/flow-waiting.ts';

/** As long as the browser's own waits: a busy machine is slow, not wrong. */
const PATIENCE = { timeout: 30_000 };

/** The customers' life cycle, over the real server. */
export function lifecycleSuite(world: () => DashboardsWorld): void {
  beforeAll(() => seedCustomers(world()));
  const at = (path: string) => `${world().tenantry.url}${path}`;
  const ask = async <Body>(path: string) => (await world().tenantry.ask<Body>(path)).body;
  const entry = async (tenant: string) =>
    (await ask<DirectoryList>(`/v1/tenant-directory?tenant_id=${tenant}`)).items[0];
  /** What an app that asks by OFREP is told. */
  const told = async (flag: string, tenant: string) => {
    const answer = await world().tenantry.ask<{ value: unknown }>(`/ofrep/v1/evaluate/flags/${flag}`, {
      ...{ method: 'POST', token: INGEST_KEY, body: { context: { targetingKey: tenant } } },
    });
    return answer.body.value;
  };

  it('shows every customer that the directory has, and when it was last seen', async () => {
    const { page, faults } = await world().signedIn('sre');
    await page.goto(at('/lifecycle?q=sales-'));
    await page.getByTestId('table-customers').waitFor();
    for (const [tenant, { plan }] of Object.entries(CUSTOMERS)) {
      const row = page.locator(`[data-testid="table-customers"] [data-key="${tenant}"]`);
      expect(await row.locator('[data-column="plan"]').textContent()).toBe(plan ?? 'none');
      const seen = (await entry(tenant))?.last_seen;
      expect(seen?.step_seconds, tenant).toBeLessThanOrEqual(3_600);
      expect(await row.locator('[data-column="last_seen"]').textContent()).toMatch(/now|ago/);
    }
    expect(await page.getByTestId('customer-count').textContent()).toMatch(/^4 of \d+ customers$/);
    expect(faults).toEqual([]);
  });

  it('has new customers without a plan in plain sight, and puts one on a plan after saying what changes', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(at('/lifecycle'));
    const newcomer = page.getByTestId('newcomers').locator('[data-tenant="sales-newcomer"]');
    await newcomer.getByRole('button', { name: 'on a plan' }).click();
    const dialog = page.getByTestId('plan-dialog');
    await dialog.getByLabel('Plan').selectOption('sales-team');
    await expect
      .poll(() => dialog.getByTestId('effects').textContent(), PATIENCE)
      .toContain('API calls a monthnot limited200');
    await dialog.getByRole('button', { name: 'Put it on sales-team' }).click();
    await newcomer.waitFor({ state: 'detached' });
    expect((await entry('sales-newcomer'))?.plan).toBe('sales-team');
    await until('apps to be told the plan', async () => (await told('plan', 'sales-newcomer')) === 'sales-team');
    const quotas = await ask<QuotaList>('/v1/quotas?tenant_id=sales-newcomer');
    expect(quotas.items.find(({ key }) => key === 'requests')).toMatchObject({ used: 12, limit: 200 });
    expect(faults).toEqual([]);
  });

  it('changes seats and billing day, refuses nonsense, and shows who did it', async () => {
    const { page, faults } = await world().signedIn('admin');
    await page.goto(at('/lifecycle?open=sales-near'));
    const customer = page.getByTestId('customer-dialog');
    await customer.getByRole('button', { name: 'Change: seats' }).click();
    const seats = page.getByTestId('seats-dialog');
    await seats.getByLabel('Seats in use').fill('twelve');
    await seats.getByRole('button', { name: 'Set seats' }).click();
    expect(await seats.textContent()).toContain('A whole number');
    await seats.getByLabel('Seats in use').fill('12');
    await expect
      .poll(() => seats.getByTestId('effects').textContent(), PATIENCE)
      .toBe('2 more than the 10 seats that the plan includes: the quota counts as reached.');
    await seats.getByRole('button', { name: 'Set seats' }).click();
    await customer.waitFor();
    expect((await entry('sales-near'))?.seats).toBe(12);

    await customer.getByRole('button', { name: 'Change: months begin' }).click();
    const billing = page.getByTestId('billing-dialog');
    await billing.getByLabel('Day of the month').fill('15');
    await billing.getByRole('button', { name: 'Set billing day' }).click();
    await expect.poll(() => customer.textContent(), PATIENCE).toContain('on day 15');
    await expect.poll(() => customer.textContent(), PATIENCE).toContain('tenant.billing_day by');
    expect((await entry('sales-near'))?.billing_day).toBe(15);
    expect(faults).toEqual([]);
  });

  it('places a customer on its own instance with a reason, and apps are told', async () => {
    const { page, faults } = await world().signedIn('sre');
    await page.goto(at('/lifecycle?open=sales-over'));
    const customer = page.getByTestId('customer-dialog');
    await customer.waitFor();
    // Plans are sales' business.
    await expect.poll(() => customer.getByRole('button', { name: /^Change/ }).count()).toBe(1);
    await customer.getByRole('button', { name: 'Change: placement' }).click();
    const dialog = page.getByTestId('placement-dialog');
    await dialog.getByRole('button', { name: 'Change placement' }).click();
    expect(await dialog.textContent()).toContain('Say why');
    expect(await told('placement', 'sales-over')).toBe('pooled');
    await dialog.getByLabel('Reason').fill('agreed in the renewal');
    await dialog.getByRole('button', { name: 'Change placement' }).click();
    await expect.poll(() => customer.textContent(), PATIENCE).toContain('dedicated: agreed in the renewal');
    await until('apps to be told', async () => (await told('placement', 'sales-over')) === 'dedicated');
    expect(faults).toEqual([]);
  });

  it('signs a customer up with its key, suspends it so that apps are told, and lets it go', async () => {
    const { page, faults } = await world().signedIn('admin');
    await page.goto(at('/lifecycle'));
    await page.getByRole('button', { name: 'Sign a customer up …' }).click();
    const form = page.getByTestId('onboard-dialog');
    await form.getByLabel('Tenant id').fill('sales-signed-up');
    await form.getByLabel('Plan', { exact: true }).selectOption('sales-team');
    await form.getByLabel('Seats').fill('12');
    await form.getByLabel('Their first admin').fill('ada@signed.example');
    await form.getByRole('button', { name: 'Sign up' }).click();
    const made = page.getByTestId('onboarded-dialog');
    expect(await made.getByTestId('first-key').textContent()).toMatch(/^tk_/);
    await made.getByRole('button', { name: 'Done' }).click();
    expect(await entry('sales-signed-up')).toMatchObject({ plan: 'sales-team', seats: 12, status: 'active' });

    await page.goto(at('/lifecycle?open=sales-signed-up'));
    const customer = page.getByTestId('customer-dialog');
    await customer.getByRole('button', { name: 'Suspend …' }).click();
    const dialog = page.getByTestId('state-dialog');
    await dialog.getByRole('button', { name: 'Suspend', exact: true }).click();
    expect(await dialog.textContent()).toContain('Say why');
    await dialog.getByLabel('What it does').selectOption('read_only');
    expect(await dialog.getByTestId('effects').textContent()).toContain('reading goes on');
    await dialog.getByLabel('Reason', { exact: true }).fill('invoice 17 is unpaid');
    await dialog.getByRole('button', { name: 'Suspend', exact: true }).click();
    await expect
      .poll(() => customer.getByTestId('standing').textContent(), PATIENCE)
      .toBe('suspended, may read: invoice 17 is unpaid');
    await until('apps to be told', async () => (await told('suspended', 'sales-signed-up')) === true);
    await customer.getByRole('button', { name: 'Resume …' }).click();
    await dialog.getByLabel('Reason', { exact: true }).fill('paid');
    await dialog.getByRole('button', { name: 'End the suspension' }).click();
    await until('apps to be told', async () => (await told('suspended', 'sales-signed-up')) === false);
    expect(faults).toEqual([]);
  });

  it('shows a customer that appears while the page is open', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(at('/lifecycle'));
    await page.getByTestId('table-customers').waitFor();
    const spans = requestSpans('sales-walk-in', 0, Date.now() - 5_000);
    await world().send(spans);
    await until('the directory to know it', async () => (await entry('sales-walk-in')) !== undefined);
    await page.reload();
    const newcomer = page.getByTestId('newcomers').locator('[data-tenant="sales-walk-in"]');
    expect(await newcomer.textContent()).toContain('first seen');
    expect(faults).toEqual([]);
  });
}
