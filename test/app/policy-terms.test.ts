import { describe, expect, it } from 'vitest';
import { type PlanTerms, PolicyTerms } from '../../src/app/policy-terms.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

const [ACME, BOLT, COIL] = ['acme', 'bolt', 'coil'] as TenantId[];
const FREE: PlanTerms = { plan: null, guaranteeRps: null, ceilingRps: null, weight: 1 };
const BIG: PlanTerms = { plan: 'enterprise', guaranteeRps: 20, ceilingRps: 500, weight: 6 };

function read(terms: Readonly<Record<string, PlanTerms>>) {
  const asked: (readonly TenantId[])[] = [];
  const policyTerms = new PolicyTerms(
    async (tenants) => {
      asked.push(tenants);
      return new Map(tenants.map((tenant) => [tenant, terms[tenant] ?? FREE]));
    },
    ['enterprise'],
  );
  return { policyTerms, asked };
}

describe("a tenant's plan", () => {
  it('is read once a minute, and anew for tenants that are new', async () => {
    const { policyTerms, asked } = read({});
    await policyTerms.of([ACME as TenantId, BOLT as TenantId], 0);
    await policyTerms.of([BOLT as TenantId], 59_999);
    expect(asked).toHaveLength(1);
    await policyTerms.of([COIL as TenantId], 59_999);
    expect(asked).toHaveLength(2);
    await policyTerms.of([COIL as TenantId], 120_000);
    expect(asked).toHaveLength(3);
  });

  it('gives guarantee, weight among all, ceiling and whether people decide', async () => {
    const { policyTerms } = read({ acme: BIG });
    const terms = await policyTerms.of([ACME, BOLT, COIL] as TenantId[], 0);
    expect(policyTerms.facts(ACME as TenantId, terms, 812)).toEqual({
      ...{ guaranteedRequestsPerSecond: 20, weightShare: 0.75 },
      guardedBecause: 'people decide about tenants of the plan enterprise',
      passedCeiling: 'it sends 812 requests/s, its plan allows 500',
    });
    expect(policyTerms.facts(ACME as TenantId, terms, 500).passedCeiling).toBeNull();
    expect(policyTerms.facts(ACME as TenantId, terms, null).passedCeiling).toBeNull();
    expect(policyTerms.facts(BOLT as TenantId, terms, 812)).toEqual({
      ...{ guaranteedRequestsPerSecond: null, weightShare: 0.125, guardedBecause: null, passedCeiling: null },
    });
    expect(await policyTerms.ceilings([ACME, BOLT] as TenantId[], 0)).toEqual(new Map([['acme', 500]]));
  });

  it('weighs nothing where all weigh the same', async () => {
    const { policyTerms } = read({});
    const terms = await policyTerms.of([ACME, BOLT] as TenantId[], 0);
    expect(policyTerms.facts(ACME as TenantId, terms, 1).weightShare).toBeNull();
  });
});
