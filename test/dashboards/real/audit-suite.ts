import { expect, it } from 'vitest';
import type { AuditChain, AuditList } from '../../../src/api/audit-contract.ts';
import type { DashboardsWorld } from '../../support/dashboards-world.ts';

/** The audit log, over the real server. */
export function auditSuite(world: () => DashboardsWorld): void {
  const throttle = (tenant: string, reason: string) =>
    world().tenantry.ask<{ id: string }>('/v1/throttles', {
      method: 'POST',
      body: {
        ...{ tenant_id: tenant, limit: { requests_per_second: 5, burst: 10 }, mode: 'shadow' },
        ...{ expires_in_seconds: 60, reason },
      },
    });

  it('shows who did what, what it changed, and that the log is whole', async () => {
    const { body: made } = await throttle('audited-co', 'load test <i>of</i> the pages');
    const { page, faults } = await world().signedIn('sre');
    await page.goto(`${world().tenantry.url}/audit?tenant=audited-co`);
    const row = page.locator('.audit-item').first();
    await row.waitFor();
    const { body } = await world().tenantry.ask<AuditList>('/v1/audit?tenant_id=audited-co');
    const [item] = body.items;
    expect(item).toMatchObject({ action: 'throttle.create', resource: `throttle/${made.id}`, tenant_id: 'audited-co' });
    await expect.poll(() => page.locator('.audit-item').count()).toBe(body.items.length);
    expect(await row.textContent()).toContain('Throttle created');
    expect(await row.textContent()).toContain(item?.actor);
    await row.getByRole('button', { name: 'Throttle created' }).click();
    const detail = page.getByTestId('audit-detail');
    expect(await detail.textContent()).toContain('load test <i>of</i> the pages');
    expect(await detail.textContent()).toContain(item?.request_id ?? 'none');
    expect(new URL(page.url()).searchParams.get('entry')).toBe(item?.id);
    await page.getByText(/^Checked .*: intact, [\d,]+ entries$/).waitFor();
    const { body: chain } = await world().tenantry.ask<AuditChain>('/v1/audit/chain?fresh=true');
    expect(chain).toMatchObject({ state: 'intact', problems: [] });
    expect(faults).toEqual([]);
  });

  it("shows a tenant's admin the own tenant's records, without the names of the operator's people", async () => {
    await throttle('audited-one', 'for one');
    await throttle('audited-two', 'for two');
    const { page, faults } = await world().signedIn('tenant_admin', { tenantId: 'audited-one' });
    await page.goto(`${world().tenantry.url}/audit`);
    await page.locator('.audit-item').first().waitFor();
    const text = await page.getByTestId('audit-list').textContent();
    expect(text).toContain('operator');
    expect(text).not.toContain('admin-token');
    expect(text).not.toContain('audited-two');
    expect(await page.getByTestId('audit-chain').count()).toBe(0);
    expect(faults).toEqual([]);
  });
}
