import { randomUUID } from 'node:crypto';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { SpendCapTerms } from '../../src/domain/spend.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { TEST_RATES } from './api-memory-spend.ts';
import { spendCap } from './spend-samples.ts';

export const ADA: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
export const ASKER = { keyId: 'k', instanceId: 'i', service: 's' };
export const TOOLS = { zone: () => () => 0, rates: () => TEST_RATES };

export function terms(changes: Partial<SpendCapTerms> = {}): SpendCapTerms {
  const { tenantId: _tenant, plan: _plan, updatedBy: _by, updatedAt: _at, ...rest } = spendCap();
  return { ...rest, ...changes };
}

export const freshTenant = () => `t-${randomUUID()}` as TenantId;

/** A reservation of `atLeast` micro-units. */
export const slice = (tenantId: TenantId, id: string, atLeast: number) => ({
  id,
  tenant_id: tenantId,
  instance_id: 'i',
  service: 's',
  at_least_micro: atLeast,
  wanted_micro: atLeast,
});
