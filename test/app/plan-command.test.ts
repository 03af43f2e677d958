import { expect, test } from 'vitest';
import { planCommand } from '../../src/app/commands/plan.ts';
import { OWN, START } from '../support/api-harness.ts';
import { commandWorld } from '../support/command-world.ts';

const world = commandWorld(planCommand);
const { run } = world;

test('sets a plan whole, shows it and lists it', async () => {
  expect(await run('list')).toBe('No plan.\n');
  const shown = await run(
    ...['set', 'growth', '--quota', 'requests/month=1000000,hard,burst=10:500000:90', '--quota', 'seats/month=25'],
    ...['--guarantee', '5', '--ceiling', '50.5', '--feature', 'search', 'export', '--price', '99.10USD'],
  );
  expect(shown).toContain('requests: 1000000 requests a month, hard, 10 % of the rest as credits for 90 days');
  expect(shown).toContain('seats: 25 seats a month, soft');
  expect(shown).toContain('guarantee, ceiling   5, 50.5 requests/s');
  expect(shown).toContain('features             search, export');
  expect(await run('show', 'growth')).toBe(shown);
  expect(await run('list')).toMatch(/^growth +0 +99\.10 USD +5 +50\.5 +requests\/month=1000000 seats\/month=25$/m);
  expect(world.api.ports.sales.plans.versions).toMatchObject([
    { plan: 'growth', price: { amountMicro: 99_100_000n, currency: 'USD' }, effectiveFrom: START },
  ]);
  await expect(run('show', 'nothing')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test.each([
  ['a quota without a period', ['--quota', 'requests=5']],
  ['a limit that is no number', ['--quota', 'requests/month=many']],
  ['a word that means nothing', ['--quota', 'requests/month=5,harder']],
  ['a price without its currency', ['--price', '99']],
  ['a rate below nothing', ['--ceiling', '-1']],
])('refuses %s before it asks anybody', async (_what, words) => {
  await expect(run('set', 'growth', ...words)).rejects.toMatchObject({ code: 'commander.invalidArgument' });
  expect(world.api.ports.sales.plans.versions).toEqual([]);
});

test('shows the quotas and credits of a tenant', async () => {
  expect(await run('quotas', OWN)).toBe('No quota.\n');
  expect(await run('credits', OWN)).toBe('No burst credits.\n');
  world.api.ports.sales.burst.open(OWN, 'requests', 100n);
  world.api.ports.sales.quotas.standings = [
    {
      ...{ tenantId: OWN, plan: 'growth', window: { from: START, to: START + 1 }, used: 930n, burstSpent: 0n },
      quota: { key: 'requests', period: 'month', limit: 1_000n, kind: 'hard', burst: null },
      ...{ share: 0.93, state: 'reached_90', forecast: { kind: 'unknown', basisHours: 1 } },
    },
  ];
  expect(await run('quotas', OWN)).toMatch(
    /^requests +month from 2026-\S+ +930 +1000 requests +93\.0 % +reached_90 +unknown$/m,
  );
  expect(await run('credits', OWN)).toMatch(/^requests +100 requests +100 +0 +0 +100 at 2026-/m);
});
