/** What the usage page asks. Every question names the tenant, so that staff see just what that customer sees. */
import type { MeterList } from '../../../src/api/meters-contract.ts';
import type { QuotaList } from '../../../src/api/quotas-contract.ts';
import type { CapList } from '../../../src/api/spend-contract.ts';
import type { StorageList } from '../../../src/api/storage-contract.ts';
import type { UsageList } from '../../../src/api/usage-contract.ts';
import { get, rfc3339, urlOf } from '../shared/api-client.ts';
import type { RangeWindow } from '../shared/time-range.ts';

export function listQuotas(tenantId: string, signal?: AbortSignal): Promise<QuotaList> {
  return get('/v1/quotas', { tenant_id: tenantId }, signal);
}

export function listCaps(tenantId: string, signal?: AbortSignal): Promise<CapList> {
  return get('/v1/caps', { tenant_id: tenantId }, signal);
}

export function listMeters(signal?: AbortSignal): Promise<MeterList> {
  return get('/v1/meters', {}, signal);
}

/** By day, in UTC. */
export function dailyUsage(
  tenantId: string,
  window: RangeWindow,
  metrics: readonly string[],
  signal?: AbortSignal,
): Promise<UsageList> {
  const query = { tenant_id: tenantId, ...rfc3339(window), step: 'day', metrics: metrics.join(',') };
  return get('/v1/usage', query, signal);
}

/** What is stored, as last measured. */
export function storedNow(tenantId: string, window: RangeWindow, signal?: AbortSignal): Promise<StorageList> {
  return get('/v1/storage', { tenant_id: tenantId, ...rfc3339(window) }, signal);
}

export type ExportFormat = 'csv' | 'json' | 'parquet';

export function exportHref(
  dataset: 'usage' | 'quotas',
  tenantId: string,
  window: RangeWindow,
  format: ExportFormat,
): string {
  const step = dataset === 'usage' ? 'day' : undefined;
  return urlOf(`/v1/exports/${dataset}`, { tenant_id: tenantId, ...rfc3339(window), step, format });
}

/** `month` such as 2026-10. */
export function statementHref(tenantId: string, month: string): string {
  return urlOf(`/v1/statements/${encodeURIComponent(tenantId)}`, { month });
}
