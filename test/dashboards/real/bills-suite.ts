import type { Page } from 'playwright-core';
import { afterAll, expect, it } from 'vitest';
import { formatAmount } from '../../../dashboards/src/shared/money.ts';
import type { AllocationChange, AllocationRuleSet, BillDetail, BillList } from '../../../src/api/bills-contract.ts';
import { FOCUS_ROWS, focusCsv } from '../../support/cost-focus-sample.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';

const FILE = 'ops-focus.csv';
const HOSTS_RULE = 'ops-hosts';

/** Bills and the rules by which they are shared out, over the real server. */
export function billsSuite(world: () => DashboardsWorld): void {
  const ask = async <Body>(path: string, options = {}) => (await world().tenantry.ask<Body>(path, options)).body;
  const bills = async () => (await ask<BillList>('/v1/bills')).items.filter(({ file_name: name }) => name === FILE);
  const rules = () => ask<AllocationRuleSet>('/v1/allocation-rules');
  const sum = (page: Page, scope: string, name: string) =>
    page.getByTestId(scope).getByTestId(`sum-${name}`).locator('dd').first().textContent();
  const choose = (page: Page, name: string, text: string) =>
    page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });

  afterAll(async () => {
    for (const { id } of await bills()) await ask(`/v1/bills/${id}`, { method: 'DELETE' });
    const { version, rules: all } = await rules();
    const others = all.filter(({ id }) => id !== HOSTS_RULE);
    await ask('/v1/allocation-rules', { method: 'PUT', body: { based_on: version, rules: others } });
  });

  it('says line by line why a bill is refused, and keeps nothing of it', async () => {
    const broken = FOCUS_ROWS.map((row, index) => (index === 3 || index === 9 ? { ...row, BilledCost: 'much' } : row));
    const { page, faults } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/bills`);
    await choose(page, FILE, focusCsv(broken));
    await page.getByRole('button', { name: 'Look at it' }).click();
    const refused = page.getByTestId('bill-refused');
    await refused.waitFor();
    await expect.poll(() => refused.locator('td[data-column="line"]').allTextContents()).toEqual(['5', '11']);
    expect(await refused.textContent()).toContain('2 lines of ops-focus.csv cannot be used');
    expect(await refused.textContent()).toContain('Mend the file, or export it again.');
    expect(await bills()).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('looks at a bill, brings it in, and shows what the API says of it', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/bills`);
    await choose(page, FILE, focusCsv());
    await page.getByRole('button', { name: 'Look at it' }).click();
    await page.getByTestId('import-report').getByText('Nothing was kept.').waitFor();
    expect(await bills()).toEqual([]);
    const looked = await sum(page, 'import-report', 'bill');
    await page.getByRole('button', { name: 'Import it' }).click();
    await page.getByTestId('imported').waitFor();

    const [bill] = await bills();
    if (bill === undefined) throw new Error('the bill is not there');
    const usd = (micro: number) => formatAmount(micro, 'USD');
    expect(looked).toBe(usd(bill.bill_micro));
    const row = page.locator(`[data-testid="table-bills"] tr[data-key="${bill.id}"]`);
    await row.waitFor();
    expect(await row.locator('td[data-column="total"]').textContent()).toBe(usd(bill.bill_micro));
    expect(await row.locator('td[data-column="lines"]').textContent()).toBe(String(FOCUS_ROWS.length));
    await row.getByRole('link', { name: FILE }).click();
    await page.getByTestId('bill-panel').getByTestId('sum-bill').waitFor();
    const { allocation } = await ask<BillDetail>(`/v1/bills/${bill.id}`);
    expect(await sum(page, 'bill-panel', 'unallocated')).toBe(usd(allocation.unallocated_micro));
    expect(await sum(page, 'bill-panel', 'residual')).toBe(usd(0));

    await choose(page, FILE, focusCsv());
    await page.getByRole('button', { name: 'Look at it' }).click();
    await page.getByRole('button', { name: 'Import it' }).click();
    await page.getByTestId('bill-refused').waitFor();
    expect(await bills()).toHaveLength(1);
    expect(faults).toEqual([]);
  });

  it('tries a new rule on the bill, saves it, and shares the bill out by it', async () => {
    const [bill] = await bills();
    if (bill === undefined) throw new Error('the bill is not there');
    const before = await rules();
    const { page, faults } = await world().signedIn('sales', { viewport: { width: 1400, height: 1000 } });
    await page.goto(`${world().tenantry.url}/bills/rules`);
    await page.getByRole('button', { name: 'Add a rule' }).click();
    const dialog = page.getByTestId('rule-dialog');
    await dialog.getByLabel('Name').fill(HOSTS_RULE);
    await dialog.getByLabel('Part of the costs').fill('hosts');
    await dialog.getByLabel('Lines that it is for').fill('service = Dedicated Hosts');
    await dialog.getByLabel('Shared out').selectOption('direct');
    await dialog.getByLabel('Tag', { exact: true }).fill('tenant');
    await dialog.getByRole('button', { name: 'Take over' }).click();
    await page.locator(`[data-rule="${HOSTS_RULE}"]`).getByText('to the tenant in tag tenant').waitFor();
    // The first rule that is for a line has it: ours goes before those that are there already.
    for (let place = before.rules.length; place > 0; place -= 1) {
      await page.getByRole('button', { name: `Move ${HOSTS_RULE} up` }).click();
    }

    const trial = page.getByTestId('trial');
    await trial.locator('select').selectOption(bill.id);
    const answered = page.waitForResponse((response) => response.url().endsWith('/v1/allocation-rules/preview'));
    await trial.getByRole('button', { name: 'Show what they change' }).click();
    const change = (await (await answered).json()) as AllocationChange;
    const acme = change.differences.find(({ tenant_id: id }) => id === 'acme');
    const shown = trial.locator('tr[data-key="acme"]');
    await shown.waitFor();
    expect(await shown.locator('td[data-column="after"]').textContent()).toBe(
      formatAmount(acme?.after_micro ?? -1, 'USD'),
    );
    expect((await rules()).version).toBe(before.version);

    const save = page.getByTestId('save-rules');
    await save.getByRole('button').click();
    await save.getByText('Say what changed').waitFor();
    await save.getByLabel('What changed and why').fill('hosts are tagged');
    await save.getByRole('button').click();
    await page.getByTestId('rules-saved').waitFor();
    expect(await rules()).toMatchObject({ version: before.version + 1, comment: 'hosts are tagged' });
    await page.getByTestId('rule-versions').getByText('hosts are tagged').waitFor();

    await page.goto(`${world().tenantry.url}/bills?bill=${bill.id}`);
    await page.getByTestId('allocate-preview').click();
    await page.getByTestId('allocate').click();
    await page.getByTestId('allocated').waitFor();
    const { allocation } = await ask<BillDetail>(`/v1/bills/${bill.id}`);
    expect(allocation.tenants).toEqual(change.after.tenants);
    expect(faults).toEqual([]);
  });

  it('says at the rule what the server minds about it', async () => {
    const { page } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/bills/rules`);
    await page.getByRole('button', { name: 'Add a rule' }).click();
    const dialog = page.getByTestId('rule-dialog');
    await dialog.getByLabel('Name').fill('ops-wrong');
    await dialog.getByLabel('Usage metric').fill('horsepower');
    await dialog.getByRole('button', { name: 'Take over' }).click();
    await page.getByLabel('What changed and why').fill('a trial');
    await page.getByRole('button', { name: 'Save as a new version' }).click();
    const fault = page.locator('[data-rule="ops-wrong"]').getByTestId('rule-problem');
    await fault.waitFor();
    expect(await fault.textContent()).toMatch(/method\.key.*must be a usage metric/);
  });

  it('is read by SREs, who neither import nor change', async () => {
    const { page, faults } = await world().signedIn('sre');
    await page.goto(`${world().tenantry.url}/bills`);
    await page.getByTestId('table-bills').waitFor();
    expect(await page.getByTestId('bill-import').count()).toBe(0);
    await page.goto(`${world().tenantry.url}/bills/rules`);
    await page.locator(`[data-rule="${HOSTS_RULE}"]`).waitFor();
    expect(await page.getByRole('button', { name: 'Add a rule' }).count()).toBe(0);
    expect(faults).toEqual([]);
  });
}
