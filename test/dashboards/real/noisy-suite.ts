import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shareText } from '../../../dashboards/src/sre/noisy-text.ts';
import type {
  BreakerList,
  CreatedKey,
  FlagInstanceList,
  KillSwitchItem,
  ThrottleList,
} from '../../../src/api/contract.ts';
import type { NeighborsAnswer } from '../../../src/api/neighbors-contract.ts';
import type { FlagSnapshot } from '../../../src/domain/flag-wire.ts';
import { createTenantry } from '../../../src/middleware/index.ts';
import { noiseScene } from '../../support/dashboards-noise.ts';
import { loadSections } from '../../support/dashboards-sections.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';
import { type FlowSaas, startSaas } from '../../support/flow-saas.ts';
import { callSaas } from '../../support/flow-traffic.ts';
import { until } from '../../support/flow-waiting.ts';

const VICTIMS = ['nn-ash', 'nn-birch', 'nn-cedar', 'nn-elm', 'nn-fir'];
const CULPRIT = 'nn-import';
const SERVICE = 'nn-api';

/** Noisy neighbours, over the real server; what is done on the page reaches an app with the real middleware. */
export function noisySuite(world: () => DashboardsWorld): void {
  const ask = async <Body>(path: string) => (await world().tenantry.ask<Body>(path)).body;
  let saas: FlowSaas;
  beforeAll(async () => {
    const to = Math.floor(Date.now() / 60_000) * 60_000;
    const scene = noiseScene({ victims: VICTIMS, culprit: CULPRIT, to, minutes: 30, noisyMinutes: 4 });
    await world().send(scene, { 'service.name': SERVICE });
    saas = await startSaas(world().tenantry, { tenants: 2 });
    await until('the app to listen for flags', async () =>
      (await ask<FlagInstanceList>('/v1/flags/instances')).items.some(({ live }) => live),
    );
  });
  afterAll(async () => {
    await saas?.stop();
  });

  const open = async (query: string, options: Parameters<DashboardsWorld['signedIn']>[1] = {}) => {
    const watched = await world().signedIn('sre', options);
    await watched.page.goto(`${world().tenantry.url}/noisy?${query}`);
    await watched.page.getByTestId('in-force').waitFor();
    return watched;
  };
  const cardOf = (page: Page, tenant: string) => page.locator(`[data-testid="suspect"][data-tenant="${tenant}"]`);

  it('draws who hurts whom as the API says it, and says why', async () => {
    const { page, faults } = await open(`service=${SERVICE}`);
    await page.getByTestId('noisy-picture').locator('svg').waitFor();
    const look = await ask<NeighborsAnswer>(`/v1/neighbors?service=${SERVICE}`);
    expect([look.verdict, look.suspects[0]?.tenant_id, look.victims.length]).toEqual(['culprit', CULPRIT, 5]);
    expect(await page.getByTestId('verdict').textContent()).toContain(look.reason);
    for (const tenant of look.load?.tenants ?? []) {
      const row = page.locator(`.noisy-load [data-tenant="${tenant.tenant_id}"]`);
      expect(await row.locator('.noisy-value').textContent()).toBe(shareText(tenant.share, tenant.usual_share));
    }
    const arrows = await page
      .locator('.noisy-arrow')
      .evaluateAll((all) => all.map((one) => one.getAttribute('data-to')));
    expect(arrows).toEqual(look.victims.map((victim) => victim.tenant_id));
    const card = cardOf(page, CULPRIT);
    expect(await card.textContent()).toContain(`Blame ${look.suspects[0]?.score.toFixed(2)}`);
    await page.getByText('The same as a table').click();
    await expect
      .poll(() => page.getByTestId('table-neighbours').locator('tbody tr').count())
      .toBe(look.load?.tenants.length);
    expect(faults).toEqual([]);
  });

  it('throttles: the preview says whom it affects, the app answers 429, and 200 again once it is lifted', async () => {
    const tenant = saas.ready.tenants[0]?.id ?? '';
    expect((await callSaas(saas.url, tenant)).status).toBe(200);
    const { page, faults } = await open(`tenant=${tenant}`);
    await cardOf(page, tenant).getByRole('button', { name: 'Throttle …', exact: true }).click();
    const dialog = page.getByTestId('throttle-dialog');
    await dialog.getByLabel('Requests a second').fill('0');
    await dialog.getByRole('button', { name: 'Throttle' }).click();
    await dialog.getByText('Say why').waitFor();
    await dialog.getByLabel('Reason').fill('Its import floods the others');
    await dialog.getByText(/every request is answered 429/).waitFor();
    await dialog.getByText(/1 app instance \(.*\) would obey it/).waitFor();
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    await until('the app to refuse', async () => (await callSaas(saas.url, tenant)).status === 429);
    expect((await callSaas(saas.url, saas.ready.tenants[1]?.id ?? '')).status).toBe(200);
    const flags = await ask<FlagSnapshot>('/v1/flags');
    expect(flags.flags.filter((flag) => flag.tenant_id === tenant)).toMatchObject([
      { kind: 'throttle', mode: 'enforce', limit: { requests_per_second: 0 }, reason: 'Its import floods the others' },
    ]);
    const held = page.getByTestId('active-throttle').filter({ hasText: 'Its import floods the others' });
    await held.getByText('Obeyed by 1 instance').waitFor();
    await held.getByRole('button', { name: 'Lift …' }).click();
    await held.getByRole('button', { name: 'Lift now' }).click();
    await held.waitFor({ state: 'detached' });
    await until('the app to serve', async () => (await callSaas(saas.url, tenant)).status === 200);
    const { items } = await ask<ThrottleList>(`/v1/throttles?tenant_id=${tenant}`);
    expect(items).toMatchObject([{ status: 'lifted', created_by: 'dev:sre' }]);
    expect(faults).toEqual([]);
  });

  it('opens a breaker of one tenant for a while, and lifts the order', async () => {
    const { page, faults } = await open(`service=${SERVICE}`);
    await cardOf(page, CULPRIT).getByRole('button', { name: 'Breaker …' }).click();
    const dialog = page.getByTestId('breaker-dialog');
    await dialog.getByLabel('Integration').fill('nn-webhook');
    await dialog.getByLabel('Reason').fill('It times out');
    await dialog.getByRole('button', { name: 'Open the breaker' }).click();
    const order = page.getByTestId('breaker-order').filter({ hasText: 'nn-webhook' });
    await order.waitFor();
    const { items } = await ask<BreakerList>('/v1/breakers?integration=nn-webhook');
    expect(items).toMatchObject([{ tenant_id: CULPRIT, state: 'open', order: { reason: 'It times out' } }]);
    await order.getByRole('button', { name: 'Lift' }).click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Lift now' }).click();
    await order.waitFor({ state: 'detached' });
    expect((await ask<BreakerList>('/v1/breakers?integration=nn-webhook')).items).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('blocks AI of one tenant: its apps are told so on every page, and no more once it is lifted', async () => {
    const { url, ask: send } = world().tenantry;
    const made = await send<CreatedKey>('/v1/keys', { method: 'POST', body: { name: 'nn-ai', scopes: ['flags'] } });
    const app = createTenantry({ serviceName: 'nn-ai', apiUrl: url, key: made.body.key });
    try {
      await until('the app to listen for flags', () => app.flags.isReady);
      const { page, faults } = await open(`service=${SERVICE}`);
      await cardOf(page, CULPRIT).getByRole('button', { name: 'Degrade …' }).click();
      const dialog = page.getByTestId('degrade-dialog');
      await dialog.getByLabel('Step').selectOption('blocked');
      await dialog.getByLabel('Reason').fill('It calls the model in a loop');
      await dialog
        .getByTestId('degrade-preview')
        .getByText(/All AI of nn-import: every AI call is refused/)
        .waitFor();
      await dialog.getByRole('button', { name: 'Block AI' }).click();
      await until('the app to be told', () => app.degraded('ai', CULPRIT) === 'blocked');
      expect(app.degraded('ai', VICTIMS[0])).toBe('ok');
      await page.getByTestId('degradation').filter({ hasText: 'It calls the model in a loop' }).waitFor();
      await page.goto(`${url}/tenants/${CULPRIT}`);
      const part = page.getByTestId('part-degradations');
      await loadSections(page);
      await part.getByText('It calls the model in a loop').waitFor();
      await part.getByRole('button', { name: 'Lift' }).click();
      await page.getByTestId('ask-dialog').getByRole('button', { name: 'Lift now' }).click();
      await until('the app to be told', () => app.degraded('ai', CULPRIT) === 'ok');
      await part.getByText('Nothing is: neither by an order nor by a spend cap.').waitFor();
      expect(faults).toEqual([]);
    } finally {
      await app.shutdown();
    }
  });

  it('shows the server what it refuses, in place', async () => {
    const { page } = await open(`service=${SERVICE}`);
    await cardOf(page, CULPRIT).getByRole('button', { name: 'Breaker …' }).click();
    const dialog = page.getByTestId('breaker-dialog');
    await dialog.getByLabel('Integration').fill('no such name!');
    await dialog.getByLabel('Reason').fill('x');
    await dialog.getByRole('button', { name: 'Open the breaker' }).click();
    await dialog.getByText(/letters, digits/).waitFor();
    expect((await ask<BreakerList>('/v1/breakers?limit=1000')).items.filter(({ order }) => order !== null)).toEqual([]);
  });

  it('switches automation off only with a reason, and on again', async () => {
    const { page, faults } = await open(`service=${SERVICE}`);
    const state = () => ask<KillSwitchItem>('/v1/control/kill-switch');
    await page.getByTestId('kill-switch').getByRole('button').click();
    const dialog = page.getByTestId('ask-dialog');
    await dialog.getByRole('button', { name: 'Switch it off' }).click();
    await dialog.getByText('Say why').waitFor();
    expect((await state()).on).toBe(false);
    await dialog.getByLabel('Reason').fill('Drill of the pages');
    await dialog.getByRole('button', { name: 'Switch it off' }).click();
    await page.getByTestId('kill-switch').getByText('Automatic throttling is off').waitFor();
    expect(await state()).toMatchObject({ on: true, reason: 'Drill of the pages' });
    await page.getByTestId('kill-switch').getByRole('button').click();
    await dialog.getByLabel('Reason').fill('Over');
    await dialog.getByRole('button', { name: 'Let it act' }).click();
    await page.getByTestId('kill-switch').getByText('Automatic throttling may act').waitFor();
    expect((await state()).on).toBe(false);
    expect(faults).toEqual([]);
  });

  it('marks deploys on the timeline; an open event is in the address', async () => {
    const body = {
      service: SERVICE,
      version: '9.9.9',
      at: new Date(Date.now() - 600_000).toISOString(),
      note: 'New <b>export</b>',
    };
    const { body: made } = await world().tenantry.ask<{ id: string }>('/v1/deploys', { method: 'POST', body });
    const { page, faults } = await open('range=1h');
    await page.getByRole('link', { name: /^nn-api 9\.9\.9/ }).click();
    expect(await page.getByTestId('timeline-chosen').textContent()).toContain('New <b>export</b> Marked by');
    expect(new URL(page.url()).searchParams.get('event')).toBe(`deploy-${made.id}`);
    await page.reload();
    await page.getByTestId('timeline-chosen').getByText('nn-api 9.9.9').waitFor();
    expect(faults).toEqual([]);
  });

  it('fits a phone, with the victims below the load', async () => {
    const { page, faults } = await open(`service=${SERVICE}`, { viewport: { width: 390, height: 800 } });
    await page.locator('.noisy-arrow').first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    await expect.poll(() => page.locator('.noisy-victims .noisy-row').count()).toBe(VICTIMS.length);
    expect(faults).toEqual([]);
  });

  it('is not for sales, nor for tenants', async () => {
    const { page } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/noisy`);
    await page.getByText('This page is not for your role').waitFor();
    expect(await page.getByTestId('verdict').count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Noisy neighbours' }).count()).toBe(0);
  });
}
