import { expect, it } from 'vitest';
import { type DashboardsWorld, WORLD_TENANTS } from '../../support/dashboards-world.ts';

/** The list of tenants, over the real server. */
export function tenantsSuite(world: () => DashboardsWorld): void {
  it('shows the figures that the API returns', async () => {
    const { page, faults } = await world().signedIn('sre');
    await page.goto(`${world().tenantry.url}/?range=6h`);
    await page.getByTestId('tenant-row').first().waitFor();
    const to = Date.now();
    const from = new Date(to - 6 * 3_600_000).toISOString();
    const { body } = await world().tenantry.ask<{ items: { tenant_id: string; requests: number }[] }>(
      `/v1/tenants?from=${from}&to=${new Date(to).toISOString()}`,
    );
    for (const { id } of WORLD_TENANTS) {
      const { requests } = body.items.find((item) => item.tenant_id === id) ?? { requests: -1 };
      const shown = page.locator(`[data-tenant="${id}"] [data-column="requests"]`);
      expect(await shown.textContent()).toBe(requests.toLocaleString('en-US'));
    }
    expect(faults).toEqual([]);
  });
}
