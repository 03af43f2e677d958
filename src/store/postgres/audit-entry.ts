import type { StaffActor, TenantActor, TenantKeyActor } from '../../domain/actor.ts';
import type { TenantId } from '../../domain/tenant-id.ts';

/** One change, as the person who made it would tell it. Never put secrets into `before` or `after`. */
export interface AuditEntry {
  /** `<noun>.<verb>`: `throttle.create`. */
  readonly action: string;
  /** What was changed: `throttle/4f1c…`. */
  readonly resource: string;
  readonly tenantId?: TenantId;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** The statement that appends `entry` in the name of `actor`, who brings the request along by which it is done. */
export function auditStatement(
  actor: StaffActor | TenantActor | TenantKeyActor,
  entry: AuditEntry,
): { text: string; values: readonly unknown[] } {
  return {
    text: `insert into tenantry.audit_log (subject, role, tenant_id, action, resource, before, after, request_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    values: [
      actor.subject,
      actor.kind === 'staff' || actor.kind === 'tenant' ? actor.role : actor.kind,
      entry.tenantId ?? null,
      entry.action,
      entry.resource,
      entry.before === undefined ? null : JSON.stringify(entry.before),
      entry.after === undefined ? null : JSON.stringify(entry.after),
      actor.kind === 'system' ? null : (actor.requestId ?? null),
    ],
  };
}
