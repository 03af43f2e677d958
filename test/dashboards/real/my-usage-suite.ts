import { beforeAll, expect, it } from 'vitest';
import type { KeyList } from '../../../src/api/keys-contract.ts';
import type { MemberList } from '../../../src/api/members-contract.ts';
import type { QuotaList } from '../../../src/api/quotas-contract.ts';
import type { UsageList } from '../../../src/api/usage-contract.ts';
import { INTERNAL_REASON, seedUsageTenant } from '../../support/dashboards-usage-tenant.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';

const TENANT = 'usage-co';

/** A tenant's own usage and account, over the real server. */
export function myUsageSuite(world: () => DashboardsWorld): void {
  const ask = async <Body>(path: string) => (await world().tenantry.ask<Body>(path)).body;
  const signedIn = async (role: 'tenant_admin' | 'member' | 'viewer', tenantId = TENANT) => {
    const watched = await world().signedIn(role, { tenantId });
    await watched.page.goto(world().tenantry.url);
    return watched;
  };

  beforeAll(() => seedUsageTenant(world(), TENANT));

  it('shows what the API returns, and limits in words that name nobody', async () => {
    const { page, faults } = await signedIn('viewer');
    await page.getByTestId('total-requests').waitFor();
    expect(new URL(page.url()).pathname).toBe('/usage');

    const { items: quotas } = await ask<QuotaList>(`/v1/quotas?tenant_id=${TENANT}`);
    expect(quotas.map(({ state }) => state)).toContain('reached_70');
    for (const { key, used, state } of quotas) {
      const card = page.locator(`[data-testid="quota"][data-key="${key}"]`);
      expect([key, await card.getAttribute('data-state')]).toEqual([key, state]);
      const shown = await card.getByTestId('quota-used').textContent();
      expect([key, shown]).toEqual([key, used === null ? '–' : used.toLocaleString('en-US')]);
    }

    const [month] = quotas.filter(({ key }) => key === 'requests');
    const window = `from=${month?.period_start}&to=${new Date().toISOString()}`;
    const usage = await ask<UsageList>(`/v1/usage?tenant_id=${TENANT}&${window}&step=day&metrics=requests`);
    const total = Number(usage.items[0]?.values['requests']);
    expect(total).toBe(300);
    expect(await page.getByTestId('total-requests').locator('.tile-value').textContent()).toBe(String(total));
    await page.getByText('Values by day (UTC)').click();
    for (const { at, values } of usage.items[0]?.series ?? []) {
      const cell = page.locator(`[data-day="${at.slice(0, 10)}"] td`).nth(1);
      expect(await cell.textContent()).toBe(String(values['requests']));
    }

    expect(await page.getByTestId('limit').textContent()).toMatch(/^At most 5 requests a second on \/search/);
    const text = (await page.locator('body').textContent()) ?? '';
    for (const word of [INTERNAL_REASON, 'noisy-inc', 'owner/7', 'Bob']) expect(text).not.toContain(word);
    const marks = await page.getByTestId('cap').locator('.cap-marks li').allTextContents();
    expect(marks.map((mark) => mark.replace(' (reached)', ''))).toEqual([
      '70 % A warning, nothing changes yet',
      '90 % AI answers from stored results only',
      '100 % AI calls are refused until the period ends',
    ]);
    await expect.poll(() => page.getByTestId('table-own-routes').locator('tbody tr[data-key]').count()).toBe(4);
    expect(faults).toEqual([]);
  });

  it('gives out the statement and the exports to the session that looks', async () => {
    const { page, faults } = await signedIn('member');
    const fetched = async (testId: string) => {
      const href = (await page.getByTestId(testId).getAttribute('href')) ?? '';
      const answer = await page.request.get(new URL(href, world().tenantry.url).href);
      return [answer.status(), answer.headers()['content-type'], await answer.text()] as const;
    };
    await page.getByTestId('statement').waitFor();
    const [status, type, html] = await fetched('statement');
    expect([status, type]).toEqual([200, 'text/html; charset=utf-8']);
    expect(html).toContain(TENANT);
    const [, , csv] = await fetched('export-usage-csv');
    expect(csv).toContain(TENANT);
    expect(csv).not.toContain('acme');
    expect((await fetched('export-quotas-json'))[0]).toBe(200);
    expect(faults).toEqual([]);
  });

  it('is calm where nothing was used', async () => {
    const { page, faults } = await signedIn('tenant_admin', 'silent-co');
    expect(await page.getByTestId('no-usage').textContent()).toContain('No usage yet');
    expect(await page.getByTestId('limits').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('is marked when staff look at it as the customer does', async () => {
    const { page, faults } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/tenants/${TENANT}/usage`);
    expect(await page.getByTestId('as-customer').textContent()).toContain(TENANT);
    await page.getByTestId('limit').waitFor();
    expect(await page.locator('body').textContent()).not.toContain(INTERNAL_REASON);
    expect(faults).toEqual([]);
  });

  it('lets an admin keep members, and nobody else see them', async () => {
    const { page, faults } = await signedIn('tenant_admin');
    await page.getByRole('link', { name: 'Members' }).click();
    await page.getByTestId('add-member').click();
    const dialog = page.getByTestId('member-dialog');
    await dialog.getByLabel('E-mail address').fill('ada');
    await dialog.getByRole('button', { name: 'Add' }).click();
    expect(await dialog.textContent()).toContain('An e-mail address, such as');
    await dialog.getByLabel('E-mail address').fill('Ada@Example.com');
    await dialog.getByLabel('Role').selectOption('tenant_admin');
    await dialog.getByRole('button', { name: 'Add' }).click();
    await page.getByText('ada@example.com').waitFor();
    const members = async () => (await ask<MemberList>(`/v1/members?tenant_id=${TENANT}`)).items;
    expect(await members()).toMatchObject([{ email: 'ada@example.com', role: 'tenant_admin', state: 'invited' }]);

    await page.getByRole('button', { name: 'Remove ada@example.com' }).click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByTestId('ask-dialog').getByText('This is the last admin of the tenant.').waitFor();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Cancel' }).click();
    expect(await members()).toMatchObject([{ state: 'invited' }]);

    const other = await signedIn('member');
    await other.page.getByTestId('period').waitFor();
    expect(await other.page.getByRole('link', { name: 'Members' }).count()).toBe(0);
    expect([...faults, ...other.faults]).toEqual([]);
  });

  it('makes a key that is shown once and works, and ends it', async () => {
    const { page, faults } = await signedIn('tenant_admin');
    await page.getByRole('link', { name: 'Keys' }).click();
    await page.getByTestId('add-key').click();
    await page.getByTestId('key-dialog').getByLabel('What it is for').fill('Nightly import');
    await page.getByTestId('key-dialog').getByRole('button', { name: 'Make the key' }).click();
    const secret = (await page.getByTestId('key-secret').textContent()) ?? '';
    const who = () => world().tenantry.ask('/v1/whoami', { token: secret });
    expect((await who()).body).toMatchObject({ role: 'key', tenant_id: TENANT });
    await page.getByTestId('key-kept').click();
    expect(await page.locator('body').textContent()).not.toContain(secret);
    const made = (await ask<KeyList>('/v1/keys')).items.filter((key) => key.tenant_id === TENANT);
    expect(made).toMatchObject([{ name: 'Nightly import', scopes: ['ingest'], status: 'active' }]);

    await page.getByRole('button', { name: 'Rotate Nightly import' }).click();
    await page.getByTestId('rotate-dialog').getByRole('button', { name: 'Make it' }).click();
    const fresh = (await page.getByTestId('key-secret').textContent()) ?? '';
    await page.getByTestId('key-kept').click();
    await page
      .getByTestId('previous-secret')
      .getByText(/^Old secret until/)
      .waitFor();
    const whoIs = async (token: string) => (await world().tenantry.ask('/v1/whoami', { token })).status;
    expect([fresh === secret, await whoIs(secret), await whoIs(fresh)]).toEqual([false, 200, 200]);

    await page.getByRole('button', { name: 'Revoke Nightly import' }).click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('Revoked', { exact: true }).waitFor();
    expect([await whoIs(secret), await whoIs(fresh)]).toEqual([401, 401]);
    expect(faults).toEqual([]);
  });

  it('exports everything of the account as a file, and deletes it again', async () => {
    const { page, faults } = await signedIn('tenant_admin');
    await page.getByRole('link', { name: 'Your data' }).click();
    expect(await page.getByTestId('ask-export-archive').count()).toBe(0);
    await page.getByTestId('ask-export-csv').click();
    const href = (await page.getByTestId('download-export').getAttribute('href')) ?? '';
    const file = await page.request.get(new URL(href, world().tenantry.url).href);
    expect([file.status(), file.headers()['content-type']]).toEqual([200, 'application/x-tar']);
    expect((await file.body()).subarray(0, 13).toString()).toBe('manifest.json');
    expect((await file.body()).includes('acme')).toBe(false);
    await page.getByTestId('cancel-export').click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Delete it' }).click();
    await page.locator('[data-testid="export"][data-state="expired"]').waitFor();
    expect(faults).toEqual([]);
  });

  it('asks for deletion with a reason, says what happens, and takes it back', async () => {
    const { page, faults } = await signedIn('tenant_admin');
    await page.getByRole('link', { name: 'Your data' }).click();
    await page.getByTestId('request-deletion').click();
    const dialog = page.getByTestId('ask-dialog');
    await dialog.getByRole('button', { name: 'Request deletion' }).click();
    expect(await dialog.textContent()).toContain('Say why');
    await dialog.getByLabel('Reason').fill('We move on.');
    await dialog.getByRole('button', { name: 'Request deletion' }).click();
    expect(await page.getByTestId('deletion-standing').textContent()).toMatch(/Nothing is deleted by itself/);
    const open = async () =>
      (await ask<{ items: unknown[] }>(`/v1/deletion-requests?tenant_id=${TENANT}&open=true`)).items;
    expect(await open()).toMatchObject([{ state: 'requested', reason: 'We move on.' }]);

    const staff = await world().signedIn('admin');
    await staff.page.goto(`${world().tenantry.url}/deletion-requests`);
    await staff.page.getByTestId('table-deletions').getByRole('link', { name: TENANT }).waitFor();

    await page.getByTestId('cancel-deletion').click();
    await dialog.getByRole('button', { name: 'Take it back' }).click();
    await page.getByTestId('request-deletion').waitFor();
    expect(await open()).toEqual([]);
    expect([...faults, ...staff.faults]).toEqual([]);
  });
}
