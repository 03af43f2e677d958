import type { TenantId } from '../domain/tenant-id.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { PolicyEvidence } from './policy-evidence.ts';
import type { PolicyParams } from './policy-params.ts';

/** End this automatic throttle before its time: it does not do what it is for. */
export interface Lift {
  readonly kind: 'lift';
  readonly throttleId: string;
  readonly tenantId: TenantId;
  readonly explanation: string;
}

/**
 * Automatic throttles that have been in force long enough to help, and whose victims are as slow as before: then the
 * tenant was not the cause. Where the victims are not measured nothing is lifted; the throttle ends by its own expiry.
 */
export function reverts(the: {
  readonly throttles: readonly ThrottleRecord[];
  readonly evidence: PolicyEvidence;
  readonly now: number;
  readonly params: PolicyParams;
}): readonly Lift[] {
  const { throttles, evidence, now, params } = the;
  const effects = new Map(evidence.effects.map((effect) => [effect.throttleId, effect]));
  return throttles.flatMap((record): Lift[] => {
    const { flag, anomalyId, liftedAt, createdAt } = record;
    const ours = anomalyId !== null && flag.mode === 'enforce' && liftedAt === null && flag.expiresAt > now;
    const { victimsP95BeforeMs: before = null, victimsP95NowMs: after = null } = effects.get(flag.id) ?? {};
    if (!ours || before === null || after === null) return [];
    const heldSeconds = Math.round((now - createdAt) / SECOND_MS);
    if (heldSeconds < params.revertAfterSeconds || after <= params.improvedShare * before) return [];
    const explanation =
      `the throttle of ${flag.tenantId} is lifted: after ${heldSeconds} s the P95 of those it was to protect is ` +
      `${Math.round(after)} ms, ${Math.round(before)} ms before it`;
    return [{ kind: 'lift', throttleId: flag.id, tenantId: flag.tenantId, explanation }];
  });
}
