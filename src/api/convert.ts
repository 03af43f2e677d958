import type { Actor } from '../domain/actor.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import { limitToWire, scopeToWire } from '../domain/flag-wire.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';
import type { AnomalyItem, KeyItem, ThrottleItem } from './contract.ts';
import { anomalyReasonForTenant, throttleReasonForTenant } from './customer-words.ts';
import type { KeyRecord } from './keys-ports.ts';

/** Domain to wire. Times become RFC 3339, names become snake_case, nothing else changes. */
export function rfc3339(time: number): string {
  return new Date(time).toISOString();
}

/** Of any flag: throttles and breaker orders end alike. */
export function flagStatus(
  { expiresAt, liftedAt }: { readonly expiresAt: number; readonly liftedAt: number | null },
  now: number,
): Pick<ThrottleItem, 'status' | 'ended_at'> {
  if (liftedAt !== null && liftedAt < expiresAt) {
    return { status: 'lifted', ended_at: rfc3339(liftedAt) };
  }
  return expiresAt <= now ? { status: 'expired', ended_at: rfc3339(expiresAt) } : { status: 'active', ended_at: null };
}

/**
 * A throttle as `reader` may see it at `now` (Unix ms). Tenant callers learn that and why they are held back, not who
 * of the operator's staff did it nor which of the operator's instances obey.
 */
export function throttleToWire(record: ThrottleRecord, reader: Actor, now: number): ThrottleItem {
  const { flag } = record;
  const forTenant = reader.kind === 'tenant';
  const acks = record.acks.map((ack) => ({
    instance_id: ack.instanceId,
    service: ack.service,
    acked_at: rfc3339(ack.ackedAt),
  }));
  return {
    id: flag.id,
    tenant_id: flag.tenantId,
    scope: scopeToWire(flag.scope),
    limit: limitToWire(flag.limit),
    mode: flag.mode,
    reason: forTenant ? throttleReasonForTenant(record) : flag.reason,
    created_by: forTenant ? 'operator' : record.createdBy,
    created_at: rfc3339(record.createdAt),
    expires_at: rfc3339(flag.expiresAt),
    ...flagStatus({ expiresAt: flag.expiresAt, liftedAt: record.liftedAt }, now),
    revision: flag.revision,
    anomaly_id: record.anomalyId,
    acks: forTenant ? [] : acks,
  };
}

export function anomalyToWire(anomaly: Anomaly & { readonly throttleId: string | null }, reader: Actor): AnomalyItem {
  const forTenant = reader.kind === 'tenant';
  return {
    id: anomaly.id,
    tenant_id: anomaly.tenantId,
    metric: anomaly.metric,
    started_at: rfc3339(anomaly.startedAt),
    detected_at: rfc3339(anomaly.detectedAt),
    ended_at: anomaly.endedAt === null ? null : rfc3339(anomaly.endedAt),
    value: anomaly.value,
    baseline: anomaly.baseline,
    ratio: anomaly.ratio,
    rule: forTenant ? 'usual-level' : anomaly.rule,
    reason: forTenant ? anomalyReasonForTenant(anomaly) : anomaly.reason,
    throttle_id: anomaly.throttleId,
  };
}

export function nullableTime(time: number | null): string | null {
  return time === null ? null : rfc3339(time);
}

function keyStatus({ revokedAt, expiresAt }: KeyRecord, now: number): KeyItem['status'] {
  if (revokedAt !== null) return 'revoked';
  return expiresAt !== null && expiresAt <= now ? 'expired' : 'active';
}

/** What is still true of the secret before the last rotation; of one that has ended there is nothing to say. */
function previousSecret(
  record: KeyRecord,
  now: number,
): Pick<KeyItem, 'previous_expires_at' | 'previous_last_used_at'> {
  const { previousUntil, previousUsedAt } = record;
  if (previousUntil === null || previousUntil <= now || keyStatus(record, now) !== 'active') {
    return { previous_expires_at: null, previous_last_used_at: null };
  }
  return { previous_expires_at: rfc3339(previousUntil), previous_last_used_at: nullableTime(previousUsedAt) };
}

/**
 * A key as `reader` may see it at `now` (Unix ms): everything but the key itself. Tenants do not learn who of the
 * operator's people made one.
 */
export function keyToWire(record: KeyRecord, reader: Actor, now: number): KeyItem {
  return {
    id: record.id,
    name: record.name,
    scopes: [...record.scopes],
    tenant_id: record.tenantId,
    service: record.service,
    created_by: reader.kind === 'tenant' && !record.madeByTenant ? 'operator' : record.createdBy,
    created_at: rfc3339(record.createdAt),
    expires_at: nullableTime(record.expiresAt),
    revoked_at: nullableTime(record.revokedAt),
    last_used_at: nullableTime(record.lastUsedAt),
    status: keyStatus(record, now),
    rotated_at: nullableTime(record.rotatedAt),
    ...previousSecret(record, now),
  };
}
