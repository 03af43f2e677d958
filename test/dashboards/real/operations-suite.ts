import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { AttributionBody } from '../../../src/api/attribution-contract.ts';
import type { DetectorRunList } from '../../../src/api/detector-runs-contract.ts';
import type { IngestHealthBody } from '../../../src/api/ingest-health-contract.ts';
import type { QuarantineList } from '../../../src/api/quarantine-contract.ts';
import { type DashboardsWorld, requestSpans } from '../../support/dashboards-world.ts';
import { otlpSpan } from '../../support/spans.ts';

/** Ingest, quarantine, attribution and the detector's runs, over the real server. */
export function operationsSuite(world: () => DashboardsWorld): void {
  const ask = async <Body>(path: string) => (await world().tenantry.ask<Body>(path)).body;
  const quarantineOf = () => join(world().tenantry.dataDir, 'spool', 'quarantine');

  it('says of ingest what the API says, for operators alone', async () => {
    const { page, faults } = await world().signedIn('sre');
    await page.goto(`${world().tenantry.url}/ingest`);
    await page.getByTestId('ingest-verdict').waitFor();
    const health = await ask<IngestHealthBody>('/v1/ingest');
    expect(health.verdict.level).not.toBe('critical');
    expect(health.ingest?.spans).toBeGreaterThan(1_000);
    expect(health.keys.map(({ id }) => id)).toContain('bootstrap');
    expect(await page.getByTestId('tile-quarantined').textContent()).toContain(String(health.quarantined));
    expect(await page.locator('[data-testid="table-services"] tbody').textContent()).toContain('shop');
    expect(faults).toEqual([]);
    const sales = await world().signedIn('sales');
    await sales.page.goto(`${world().tenantry.url}/ingest`);
    await sales.page.getByText('Price book').first().waitFor();
    expect(await sales.page.getByTestId('ingest-verdict').count()).toBe(0);
  });

  it('lists what is in quarantine, and drops it when told to', async () => {
    const id = `${Date.now()}-00000000000000ab_0`;
    await mkdir(quarantineOf(), { recursive: true });
    await writeFile(join(quarantineOf(), `${id}.otlp`), 'not a request, and readable');
    const note = { reason: 'Cannot parse <b>this</b>', quarantined_at: new Date().toISOString() };
    await writeFile(join(quarantineOf(), `${id}.json`), JSON.stringify(note));
    const { page, faults } = await world().signedIn('sre');
    await page.goto(`${world().tenantry.url}/ingest`);
    await page.getByRole('button', { name: note.reason }).click();
    await page.getByText('not a request, and readable').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: `Drop ${id}` }).click();
    await page.getByRole('button', { name: 'Drop it' }).click();
    await page.getByText('Nothing is in quarantine.').waitFor();
    expect((await ask<QuarantineList>('/v1/quarantine')).items).toEqual([]);
    expect((await readdir(quarantineOf())).filter((name) => name.startsWith(id))).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('shows how much of each service names its tenant, and what to do', async () => {
    const start = Date.now() - 120_000;
    const bare = Array.from({ length: 20 }, (_, index) =>
      otlpSpan({
        name: 'GET /bare',
        kind: 2,
        start: start + index,
        durationMs: 5,
        attributes: { 'http.request.method': 'GET', 'http.route': '/bare' },
      }),
    );
    const named = requestSpans('ops-named', 1, start).slice(0, 2);
    await world().send([...bare, ...named], { 'service.name': 'half-marked' });
    const { page, faults } = await world().signedIn('sales');
    await page.goto(`${world().tenantry.url}/attribution`);
    const card = page.locator('[data-service="half-marked"]');
    await card.waitFor();
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const { services } = await ask<AttributionBody>(`/v1/attribution?from=${from}`);
    const item = services.find(({ service }) => service === 'half-marked');
    expect(item).toMatchObject({
      ...{ spans: 22, attributed: 2, routes_without_tenant: [{ route: 'GET /bare', requests: 20 }] },
    });
    expect(await card.getByTestId('share').textContent()).toBe('9.09%');
    expect(await card.textContent()).toContain('GET /bare');
    expect(await card.textContent()).toContain('set by hand on some spans only');
    expect(faults).toEqual([]);
  });

  it('shows the runs of the loops that judge', async () => {
    const { page, faults } = await world().signedIn('sre');
    await page.goto(`${world().tenantry.url}/detector`);
    const card = page.locator('[data-loop="owner-rule"]');
    await card.waitFor();
    await page.locator('[data-testid="table-runs"] tbody tr').first().waitFor();
    const { items } = await ask<DetectorRunList>('/v1/detector/runs');
    const rule = items.find(({ name }) => name === 'owner-rule');
    expect(rule).toMatchObject({ leader: true, failed: 0 });
    expect(rule?.runs[0]?.took_ms).toBeGreaterThan(0);
    expect(await card.textContent()).toContain('leads');
    expect(items.map(({ name }) => name).toSorted()).toEqual([
      'budget-burn',
      'minute-detector',
      'owner-rule',
      'spend-caps',
    ]);
    expect(faults).toEqual([]);
  });
}
