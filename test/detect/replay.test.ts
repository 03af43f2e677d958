import { expect, it } from 'vitest';
import { replayTenant } from '../support/detect-replay.ts';
import { alarmsOf, emitted } from '../support/detect-run.ts';
import { figures, tally } from '../support/detect-score.ts';
import { newcomerTenant, syntheticTenant } from '../support/detect-tenants.ts';

const TENANTS = 24;
const DENSITY = { perDay: 0.4 };

it('finds what is injected into made-up tenants and leaves what is benign alone', () => {
  const tenants = [
    ...Array.from({ length: TENANTS }, (_, index) => syntheticTenant(index, 7, 8, 7)),
    ...Array.from({ length: 8 }, (_, index) => newcomerTenant(100 + index, 7, 5)),
  ].map((tenant) => replayTenant(tenant, 7, DENSITY));
  const tallies = tenants.map((tenant) => {
    const { id, start, values } = tenant;
    return tally(tenant, alarmsOf(emitted({ id, start, metrics: { requests: values } })));
  });
  const { material, materialRecall, falsePerMonth, months } = figures(tallies);
  expect(material).toBeGreaterThan(15);
  expect(months).toBeGreaterThan(6);
  expect(materialRecall).toBeGreaterThanOrEqual(0.85);
  expect(falsePerMonth).toBeLessThanOrEqual(1);
});
