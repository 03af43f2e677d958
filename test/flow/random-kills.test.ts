import { afterAll, expect, it } from 'vitest';
import { runKills } from '../support/flow-kills.ts';
import { endEverything } from '../support/flow-tenantry.ts';

afterAll(endEverything);

// A hundred of them: npm run soak -- random-kills
it('lets no throttle outlive its expiry and forgets nothing that people decided, whichever of three is killed', async () => {
  const { kills, humanThrottles, refusals, worstOverstayMs } = await runKills(3, 20_260_501, () => undefined);
  expect(kills).toEqual({ server: 1, postgres: 1, network: 1 });
  expect(humanThrottles).toBeGreaterThan(3);
  expect(refusals).toBeGreaterThan(20);
  expect(worstOverstayMs).toBeLessThanOrEqual(5_000);
});
