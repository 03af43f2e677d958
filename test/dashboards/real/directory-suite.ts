import { expect, it } from 'vitest';
import type { CreatedKey } from '../../../src/api/keys-contract.ts';
import type { MemberList } from '../../../src/api/members-contract.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';

const TENANT = 'directory-co';

/** A tenant's directory on its account page, over the real server. */
export function directorySuite(world: () => Pick<DashboardsWorld, 'tenantry' | 'signedIn'>): void {
  const ask = <Body>(path: string, options?: object) => world().tenantry.ask<Body>(path, options);
  const members = async () => (await ask<MemberList>(`/v1/members?tenant_id=${TENANT}`)).body.items;

  it('is connected by a key, and its groups are given roles; whom it keeps is not for people to change', async () => {
    const { page, faults } = await world().signedIn('tenant_admin', { tenantId: TENANT });
    await page.goto(`${world().tenantry.url}/account/members`);
    const section = page.getByTestId('directory');
    expect(await section.getByTestId('directory-address').textContent()).toBe(`${world().tenantry.url}/scim/v2`);
    await section.getByTestId('make-directory-key').click();
    const token = (await page.getByTestId('key-secret').textContent()) ?? '';
    await page.getByTestId('key-kept').click();

    const tell = async (path: string, body: object) => {
      const made = await ask<{ id: string }>(`/scim/v2${path}`, { method: 'POST', body, token });
      expect(made.status).toBe(201);
      return made.body.id;
    };
    const ada = await tell('/Users', { userName: 'ada@directory.example', displayName: '<b>Ada</b>' });
    await tell('/Groups', { displayName: '<img src=x onerror=alert(1)>', members: [{ value: ada }] });
    await tell('/Groups', { displayName: 'Customers', members: [{ value: ada }] });

    await page.reload();
    await section.getByTestId('edit-rules').click();
    const dialog = page.getByTestId('rules-dialog');
    await dialog.getByLabel('Role of Customers').selectOption('member');
    await dialog.getByTestId('add-rule').click();
    await dialog.getByLabel('Group', { exact: true }).last().fill('To come');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await section.getByTestId('directory-rules').getByText('Customers: Member').waitFor();
    expect(await section.getByTestId('directory-people').textContent()).toContain(
      '1, of whom 1 with access and 1 with a role',
    );
    await page.getByTestId('members').getByText('ada@directory.example').waitFor();
    expect(await members()).toMatchObject([
      { email: 'ada@directory.example', role: 'member', kept_by_directory: true },
    ]);
    expect(await page.getByRole('button', { name: 'Change ada@directory.example' }).count()).toBe(0);

    await section.getByRole('button', { name: 'Forget the directory' }).click();
    await page.getByTestId('ask-dialog').getByRole('button', { name: 'Forget it' }).click();
    await page.getByRole('button', { name: 'Change ada@directory.example' }).waitFor();
    expect(await members()).toMatchObject([{ kept_by_directory: false }]);
    expect(faults).toEqual([]);
  });

  it('is not offered where the plan does not include it', async () => {
    const terms = { method: 'PUT', body: { tenantry_features: [] } };
    expect((await ask('/v1/plans/small', terms)).status).toBe(200);
    expect((await ask('/v1/tenants/small-co/plan', { method: 'PUT', body: { plan: 'small' } })).status).toBe(200);
    const made = await ask<CreatedKey>('/v1/keys', {
      ...{ method: 'POST', body: { name: 'x', scopes: ['scim'], tenant_id: 'small-co' } },
    });
    expect((await ask('/scim/v2/Users', { token: made.body.key })).status).toBe(403);
    const { page, faults } = await world().signedIn('tenant_admin', { tenantId: 'small-co' });
    await page.goto(`${world().tenantry.url}/account/members`);
    expect(await page.getByTestId('directory-beyond-plan').textContent()).toContain('small');
    expect(await page.getByTestId('make-directory-key').count()).toBe(0);
    expect(faults).toEqual([]);
  });
}
