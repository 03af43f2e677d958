import type { Browser, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { breakerOf, manyTenants } from '../../support/dashboards-data.ts';
import { loadSections } from '../../support/dashboards-sections.ts';
import type { DashboardsStub } from '../../support/dashboards-stub.ts';
import { openBeforeEach } from '../../support/dashboards-stub-page.ts';

/** Circuit breakers on the page of a tenant, over fixed answers. */
export function breakersSuite(browser: () => Browser): void {
  let stub: DashboardsStub;
  let page: Page;

  openBeforeEach(browser, (opened) => {
    ({ stub, page } = opened);
    stub.state.tenants = manyTenants();
  });

  async function shown(): Promise<string[]> {
    await page.goto(`${stub.url}/tenants/acme-corp`);
    await loadSections(page);
    const list = page.getByTestId('breakers');
    await list.waitFor();
    return list.getByRole('listitem').allTextContents();
  }

  describe('circuit breakers of a tenant', () => {
    it('say what each does, since when, by whose word, and whether it flaps', async () => {
      const now = Date.now();
      const flapping = {
        ...{ instances: 1, openings: 4, window_seconds: 600, since: new Date(now - 300_000).toISOString() },
        ...{ reason: 'slack of acme-corp opened 4 times within 10 minutes in 1 of 3 instances, last 9 s ago' },
        offer: { state: 'open' as const, expires_in_seconds: 600 },
      };
      const order = {
        ...{
          id: 'o1',
          tenant_id: 'acme-corp',
          integration: 'hooks',
          state: 'open' as const,
          reason: 'their host asked',
        },
        ...{ created_by: 'grace@example.com', created_at: new Date(now).toISOString(), status: 'active' as const },
        ...{ expires_at: new Date(now + 600_000).toISOString(), ended_at: null, revision: 7 },
      };
      stub.state.breakers = [
        breakerOf('acme-corp', { now }),
        breakerOf('acme-corp', { now, integration: 'slack', state: 'closed', flapping }),
        breakerOf('acme-corp', {
          now,
          integration: 'hooks',
          order,
          since: null,
          calls: 0,
          instances: null,
          last_error: null,
        }),
        breakerOf('other', { now, integration: 'not-shown' }),
      ];
      const [stripe, slack, hooks, ...others] = await shown();
      expect(others).toEqual([]);
      expect(stripe).toMatch(/^Openstripefor 2 min \d+ s/);
      expect(stripe).toContain('instances: 2 open, 1 closed; 21 of 24 calls failed; last error http_503');
      expect(slack).toMatch(/^Closedslack.*Flapping: slack of acme-corp opened 4 times/);
      expect(hooks).toMatch(/Ordered open by grace@example\.com, ends by itself at \d\d:\d\d:\d\d: their host asked/);
    });

    it('say that all is well when none is known', async () => {
      expect(await shown()).toEqual([]);
      expect(await page.getByTestId('breakers').textContent()).toContain('All closed.');
    });
  });
}
