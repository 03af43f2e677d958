import { afterAll, beforeAll, expect, it } from 'vitest';
import { NoiseWorld } from '../support/flow-noise.ts';
import { endEverything } from '../support/flow-tenantry.ts';

let world: NoiseWorld | undefined;

beforeAll(async () => {
  world = await NoiseWorld.start({ historySeconds: 10, windowMs: 4_000 });
});
afterAll(async () => {
  await world?.end();
  await endEverything();
});

// Figures are the bench's; here the order of things is what must hold, and what the world asserts on the way.
it('refuses a tenant that turns noisy, lets it go in time, and tells the whole chain through the API', async () => {
  const outcome = await world?.run(0);
  expect(outcome?.decidedMs).toBeGreaterThan(0);
  expect(outcome?.refusedMs).toBeGreaterThan(outcome?.decidedMs ?? Number.POSITIVE_INFINITY);
  expect(outcome?.releasedBeforeExpiryMs).toBeGreaterThan(0);
  expect(outcome?.chain).toMatchObject({
    ...{ kind: 'throttle', held_back_by: [] },
    throttle: { mode: 'enforce', acks: [{ service: 'demo-saas' }] },
  });
});
