import { beforeAll, expect, it } from 'vitest';
import type { PriceImportPreview, PriceList, UnpricedList } from '../../../src/api/contract.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';
import { otlpSpan } from '../../support/spans.ts';

const MODEL = 'ops-model-1';
const CLIENT = 3;

/** The price book, over the real server. */
export function pricesSuite(world: () => DashboardsWorld): void {
  const ask = async <Body>(path: string, options = {}) => (await world().tenantry.ask<Body>(path, options)).body;
  const prices = async () => (await ask<PriceList>(`/v1/prices?q=${MODEL}`)).items;
  const unpriced = async () => {
    const from = new Date(Date.now() - 86_400_000).toISOString();
    return (await ask<UnpricedList>(`/v1/prices/unpriced?from=${from}`)).items.filter(({ model }) => model === MODEL);
  };

  beforeAll(() =>
    world().send([
      otlpSpan({
        name: `chat ${MODEL}`,
        kind: CLIENT,
        start: Date.now() - 120_000,
        durationMs: 400,
        attributes: {
          tenant_id: 'ops-ai',
          'gen_ai.operation.name': 'chat',
          'gen_ai.provider.name': 'ops-seller',
          'gen_ai.request.model': MODEL,
          'gen_ai.response.model': MODEL,
          'gen_ai.usage.input_tokens': 1_000_000,
          'gen_ai.usage.output_tokens': 100_000,
        },
      }),
    ]),
  );

  it('shows a model without a price first, and lets an admin set one', async () => {
    expect(await unpriced()).toMatchObject([{ calls: 1, tenants: 1 }]);
    const { page, faults } = await world().signedIn('admin');
    await page.goto(`${world().tenantry.url}/prices`);
    const row = page.locator(`[data-testid="unpriced"] [data-model="${MODEL}"]`);
    await row.waitFor();
    expect(await row.textContent()).toContain('1 call of 1 tenant; nobody’s prices for it are known');
    await row.getByRole('button').click();
    const dialog = page.getByTestId('price-dialog');
    expect(await dialog.getByLabel('Model').inputValue()).toBe(MODEL);
    expect(await dialog.getByLabel('Seller').inputValue()).toBe('ops-seller');
    await dialog.getByRole('button', { name: 'Save prices' }).click();
    await dialog.getByText('At least one price.').waitFor();
    await dialog.getByLabel('Input', { exact: true }).fill('2.50');
    await dialog.getByLabel('Output', { exact: true }).fill('10');
    await dialog.getByLabel('Reason').fill('our own hosting');
    await dialog.getByRole('button', { name: 'Save prices' }).click();
    await row.waitFor({ state: 'detached' });
    expect(await unpriced()).toEqual([]);
    expect((await prices()).map(({ kind, price_usd, layer }) => [kind, price_usd, layer]).toSorted()).toEqual([
      ['input', '2.5', 'book'],
      ['output', '10', 'book'],
    ]);
    await page.getByRole('searchbox', { name: 'Seller or model' }).fill(MODEL);
    await page.getByText('2 rows', { exact: true }).waitFor();
    const shown = await page.locator('[data-testid="table-prices"] td[data-column="price_usd"]').allTextContents();
    expect(shown.toSorted()).toEqual(['$10.00', '$2.50']);
    expect(faults).toEqual([]);
  });

  it('says by line what is wrong with a list, and shows what a right one changes before it is applied', async () => {
    const { page, faults } = await world().signedIn('admin');
    await page.goto(`${world().tenantry.url}/prices/import`);
    const look = async (text: string) => {
      const list = { name: 'ops.csv', mimeType: 'text/csv', buffer: Buffer.from(text) };
      await page.locator('input[type=file]').setInputFiles(list);
      const answered = page.waitForResponse((response) => response.url().endsWith('/v1/prices/imports/preview'));
      await page.getByRole('button', { name: 'Show what would change' }).click();
      return (await (await answered).json()) as PriceImportPreview;
    };
    const head = 'provider,model,kind,price_usd';
    const bad = await look(`${head}\nops-seller,${MODEL},input,cheap\n`);
    const refused = page.getByTestId('import-preview');
    await refused.getByText('line 2').waitFor();
    expect(await refused.textContent()).toContain(bad.errors[0]?.reason);
    expect(await page.getByRole('button', { name: 'Apply' }).count()).toBe(0);

    await page.getByRole('button', { name: 'Choose another file' }).click();
    const good = await look(`${head}\nops-seller,${MODEL},input,3.00\nops-seller,ops-model-2,input,0.10\n`);
    const preview = page.getByTestId('import-preview');
    await preview.waitFor();
    const count = (id: string) => page.getByTestId(id).locator('dd').first().textContent();
    expect([Number(await count('count-added')), Number(await count('count-changed'))]).toEqual([
      good.counts.added,
      good.counts.changed,
    ]);
    expect(good.counts.added + good.counts.changed).toBe(2);
    expect(await prices()).toHaveLength(2);
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByText('Say why').waitFor();
    await page.getByLabel('Reason').fill('list of the week');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.getByTestId('import-done').waitFor();
    const after = await prices();
    expect(after.some(({ kind, price_usd: price }) => kind === 'input' && price === '3')).toBe(true);
    expect(faults).toEqual([]);
  });

  it('shows the history of a model, and the versions with their reasons', async () => {
    const { page } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/prices?q=${MODEL}`);
    await page.locator('[data-testid="table-prices"]').getByText(MODEL).first().click();
    const history = page.getByTestId('price-history');
    await history.getByText('$10.00 per 1M tokens').first().waitFor();
    expect(page.url()).toContain(`model=${MODEL}`);
    await page.getByText('Versions of the book').click();
    await page.getByText('our own hosting').waitFor();
  });

  it('puts a tenant under a contract', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/prices/contracts`);
    await page.getByRole('button', { name: 'New contract' }).click();
    const terms = page.getByRole('dialog');
    await terms.getByLabel('Name').fill('ops-gold');
    await terms.getByLabel('Discount, percent').fill('12.5');
    await terms.getByLabel('Reason').fill('signed');
    await terms.getByRole('button', { name: 'Save' }).click();
    const card = page.locator('[data-contract="ops-gold"]');
    await card.getByText('12.5 % off the book').waitFor();
    await card.getByRole('button', { name: 'Add a tenant' }).click();
    const member = page.getByTestId('member-dialog');
    await member.getByLabel('Tenant').fill('ops-ai');
    await member.getByLabel('Reason').fill('signed');
    await member.getByRole('button', { name: 'Add' }).click();
    await card.getByRole('link', { name: 'ops-ai' }).waitFor();
    const { items } = await ask<{ items: { name: string; tenants: { tenant_id: string }[] }[] }>('/v1/contracts');
    expect(items.find(({ name }) => name === 'ops-gold')?.tenants).toMatchObject([{ tenant_id: 'ops-ai' }]);
    expect(faults).toEqual([]);
  });

  it('is for admins to change and for sales to read; others are told so', async () => {
    const sales = await world().signedIn('sales');
    await sales.page.goto(`${world().tenantry.url}/prices`);
    await sales.page.getByTestId('table-prices').waitFor();
    expect(await sales.page.getByRole('button', { name: 'New price' }).count()).toBe(0);
    const sre = await world().signedIn('sre');
    await sre.page.goto(`${world().tenantry.url}/prices`);
    await sre.page.getByTestId('error-state').getByText('This page is not for your role').waitFor();
    expect([...sales.faults, ...sre.faults]).toEqual([]);
  });
}
