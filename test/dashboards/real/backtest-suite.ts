import { expect, it } from 'vitest';
import type { AllowListList, BacktestList, KnownPeakList, RuleStageItem } from '../../../src/api/contract.ts';
import type { FlagSnapshot } from '../../../src/domain/flag-wire.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';

/** Trying rules and steering automation, over the real server. */
export function backtestSuite(world: () => DashboardsWorld): void {
  const ask = async <Body>(path: string) => (await world().tenantry.ask<Body>(path)).body;
  const open = async (path: string) => {
    const watched = await world().signedIn('sre');
    await watched.page.goto(`${world().tenantry.url}${path}`);
    return watched;
  };

  it('replays a draft beside the rule in force, and shows what the API says came of it', async () => {
    const { page, faults } = await open('/backtests');
    const form = page.getByTestId('backtest-form');
    await form.getByLabel('History').selectOption('last 24 hours');
    await form.getByLabel('Ratio to baseline').fill('0.5');
    await form.getByRole('button', { name: 'Replay the history' }).click();
    await form.getByText('A number from 1 to 1000').waitFor();
    await form.getByLabel('Ratio to baseline').fill('2');
    await form.getByLabel('Throttle', { exact: true }).selectOption('whenever it is found');
    await form.getByLabel('What was right').fill('nobody-here, 2026-01-01T10:00Z, 2026-01-01T10:30Z');
    await form.getByRole('button', { name: 'Replay the history' }).click();
    await page.locator('[data-testid="backtest"][data-state="done"]').waitFor({ timeout: 60_000 });
    const { items } = await ask<BacktestList>('/v1/backtests');
    expect(items.map(({ rule, draft, labels, state }) => [rule, draft, labels, state])).toEqual([
      ['tenantry/1', { min_ratio: 2, needs_impact: false }, 1, 'done'],
      ['tenantry/1', {}, 1, 'done'],
    ]);
    expect(new URL(page.url()).searchParams.get('id')).toBe(items[0]?.id);
    const [draft, inForce] = items.map(({ result }) => result);
    const tile = (id: string) => page.getByTestId(`backtest-${id}`).textContent();
    expect(await tile('findings')).toBe(`Findings${draft?.findings}in force: ${inForce?.findings}`);
    expect(await tile('throttles')).toBe(`Would throttle${draft?.throttles}in force: ${inForce?.throttles}`);
    expect(await tile('recall')).toBe('Recall0%in force: 0%');
    await expect.poll(() => page.getByTestId('table-backtests').locator('tbody tr').count()).toBe(2);
    expect(faults).toEqual([]);
  });

  it('takes a rule back at once, with a reason, and says what its next stage lacks', async () => {
    const { page, faults } = await open('/rules');
    const card = page.locator('[data-rule="owner-ratio/1"]');
    await card.getByRole('button', { name: 'Back to off' }).click();
    const dialog = page.getByTestId('ask-dialog');
    await dialog.getByLabel('Reason').fill('It throttles on Mondays');
    await dialog.getByRole('button', { name: 'Back to off' }).click();
    await card.getByText(/It throttles on Mondays/).waitFor();
    const { items } = await ask<{ items: RuleStageItem[] }>('/v1/control/rules');
    expect(items.find(({ rule }) => rule === 'owner-ratio/1')).toMatchObject({ stage: 'off', by: 'dev:sre' });
    await card.getByRole('button', { name: 'Let it go on to shadow' }).click();
    await page.getByTestId('promote-dialog').getByLabel('Reason').fill('Tuesday');
    await page.getByTestId('promote-dialog').getByRole('button', { name: 'Go on to shadow' }).click();
    await card.getByText(/Tuesday/).waitFor();
    await page
      .locator('[data-rule="tenantry/1"]')
      .getByText(/It stays because it has been in shadow for/)
      .waitFor();
    expect(faults).toEqual([]);
  });

  it('leaves a tenant alone: apps are told, until it is taken back', async () => {
    const { page, faults } = await open('/rules');
    const list = page.getByTestId('allow-list');
    await list.getByRole('button', { name: 'Add to allow list' }).click();
    const dialog = page.getByTestId('allow-dialog');
    await dialog.getByLabel('Tenant').fill('bt-migrating');
    await dialog.getByLabel('Who answers for it').fill('ann');
    await dialog.getByLabel('Reason').fill('Migrates its data');
    await dialog.getByRole('button', { name: 'Leave it alone' }).click();
    await list.getByText('Migrates its data').waitFor();
    const allowed = async () =>
      (await ask<FlagSnapshot>('/v1/flags')).flags.filter((flag) => flag.tenant_id === 'bt-migrating');
    expect(await allowed()).toMatchObject([{ kind: 'allow' }]);
    await list.getByRole('button', { name: 'Remove … bt-migrating' }).click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Remove' }).click();
    await list.getByText('Migrates its data').waitFor({ state: 'detached' });
    expect((await ask<AllowListList>('/v1/control/allow-list')).items).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('enters a known peak and takes it out', async () => {
    const { page, faults } = await open('/rules');
    const list = page.getByTestId('known-peaks');
    await list.getByRole('button', { name: 'Add to known peaks' }).click();
    const dialog = page.getByTestId('peak-dialog');
    await dialog.getByLabel('Name').fill('Black Friday');
    await dialog.getByLabel('From').fill('2026-11-27T00:00');
    await dialog.getByLabel('To', { exact: true }).fill('2026-11-26T00:00');
    await dialog.getByRole('button', { name: 'Enter it' }).click();
    await dialog.getByText('It ends after it begins').waitFor();
    await dialog.getByLabel('To', { exact: true }).fill('2026-11-28T00:00');
    await dialog.getByRole('button', { name: 'Enter it' }).click();
    await list.getByText('Black Friday', { exact: true }).waitFor();
    const { items } = await ask<KnownPeakList>('/v1/control/known-peaks');
    expect(items).toMatchObject([{ name: 'Black Friday', tenant_id: null, created_by: 'dev:sre' }]);
    await list.getByRole('button', { name: 'Remove … Black Friday' }).click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Remove' }).click();
    await list.getByText('Black Friday', { exact: true }).waitFor({ state: 'detached' });
    expect(faults).toEqual([]);
  });

  it('says why nothing was done about a tenant', async () => {
    const { page } = await open('/rules?tenant=nobody-here');
    await page.getByTestId('decisions').getByText('Nothing has been decided about nobody-here').waitFor();
  });
}
