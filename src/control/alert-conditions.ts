/** What is so now, as conditions that people should know of. Pure words: figures come from whoever watches them. */
import type { AlertCondition, AlertSeverity } from '../domain/alert.ts';
import type { Anomaly } from '../domain/anomaly.ts';
import { type BreakerOverview, EVERY_TENANT } from '../domain/breaker.ts';
import type { SpendAlert } from '../domain/spend.ts';
import { isTenantId } from '../domain/tenant-id.ts';
import type { ThrottleRecord } from '../domain/throttle-record.ts';
import { MINUTE_MS } from '../domain/window.ts';

/** What is shown before and after the beginning: enough to see what was usual and what became of it. */
const AROUND_MS = 30 * MINUTE_MS;

/** The page that explains it, with tenant and range. */
function explainingLink(tenantId: string, startedAt: number): string {
  const from = new Date(startedAt - AROUND_MS).toISOString();
  const to = new Date(startedAt + AROUND_MS).toISOString();
  const path = isTenantId(tenantId) ? `/tenants/${encodeURIComponent(tenantId)}` : '/';
  return `${path}?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}`;
}

function condition(fields: Omit<AlertCondition, 'link'>): AlertCondition {
  return { ...fields, link: explainingLink(fields.tenantId, fields.startedAt) };
}

export function findingCondition({ tenantId, metric, startedAt, ratio, reason }: Anomaly): AlertCondition {
  return condition({
    ...{ tenantId, key: metric, kind: 'finding', severity: 'warning' },
    title: `${tenantId}: ${metric} at ${ratio.toFixed(1)}x its baseline`,
    ...{ reason, startedAt },
  });
}

/** A throttle of the machine's. Its renewals are the same alert: they share tenant, scope and mode. */
export function throttleCondition({ flag, createdAt }: ThrottleRecord): AlertCondition {
  const { tenantId, scope, mode, limit, reason } = flag;
  const where = [scope.service, scope.route].filter((part) => part !== undefined).join(' ');
  const at = where === '' ? '' : ` on ${where}`;
  const verb = mode === 'enforce' ? 'throttled' : 'would be throttled';
  return condition({
    ...{ tenantId, kind: 'throttle', startedAt: createdAt, reason },
    key: JSON.stringify([mode, scope.service ?? null, scope.route ?? null]).slice(0, 1_000),
    severity: mode === 'enforce' ? 'warning' : 'info',
    title: `${tenantId} ${verb}${at} to ${limit.requestsPerSecond} requests/s`,
  });
}

const SPEND_SEVERITY: Readonly<Record<SpendAlert['step'], AlertSeverity>> = {
  ok: 'info',
  warn: 'info',
  cached_only: 'warning',
  blocked: 'critical',
};

export function spendCondition(alert: SpendAlert): AlertCondition {
  const { tenantId, period, key, model, periodStart, percent, amountMicro, step, reason, at } = alert;
  return condition({
    ...{ tenantId, kind: 'spend_threshold', reason, startedAt: at },
    key: JSON.stringify([period, key, model, periodStart, percent, amountMicro]),
    severity: SPEND_SEVERITY[step],
    title: `${tenantId}: ${percent} % of its AI spend cap for the ${period}`,
  });
}

/** Undefined for a breaker that does not flap. */
export function flappingCondition({ tenantId, integration, flapping }: BreakerOverview): AlertCondition | undefined {
  if (flapping === null) return undefined;
  return condition({
    ...{ tenantId, kind: 'breaker_flapping', key: integration, severity: 'warning' },
    title: `${integration} of ${tenantId} opens and closes over and over`,
    ...{ reason: flapping.reason, startedAt: flapping.since },
  });
}

/** @param since Unix ms */
export function pageCondition(explanation: string, since: number): AlertCondition {
  return condition({
    ...{ tenantId: EVERY_TENANT, kind: 'page', key: 'automation-suspended', severity: 'critical' },
    title: 'Automatic throttling is suspended: too many tenants are out of line at once',
    ...{ reason: explanation, startedAt: since },
  });
}

/** What goes in does not come out as it should: figures are wrong, or will be. @param since Unix ms */
export function selfCheckCondition(reason: string, since: number): AlertCondition {
  return {
    ...{ tenantId: EVERY_TENANT, kind: 'self_check', key: 'self-check', severity: 'critical', link: '/ingest' },
    title: 'The self-check fails: known spans do not come out as they went in',
    ...{ reason, startedAt: since },
  };
}

/** @param since Unix ms */
export function dataHealthCondition(name: string, detail: string, since: number): AlertCondition {
  return condition({
    ...{ tenantId: EVERY_TENANT, kind: 'data_health', key: name, severity: 'critical' },
    title: `Tenantry cannot judge: ${name}`,
    ...{ reason: detail, startedAt: since },
  });
}
