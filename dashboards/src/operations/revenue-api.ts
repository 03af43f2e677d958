import type {
  FeatureList,
  NewRevenueImport,
  RevenueAnswer,
  RevenueImportItem,
  RevenueImportList,
  UnmappedCustomerList,
} from '../../../src/api/revenue-contract.ts';
import { get, send } from '../shared/api-client.ts';

/** Twenty megabytes of invoices, row by row. */
const IMPORT_TIMEOUT_MS = 5 * 60_000;

export function getRevenue(from: string, to: string, signal: AbortSignal): Promise<RevenueAnswer> {
  return get('/v1/revenue', { from, to }, signal);
}

export function listRevenueImports(signal: AbortSignal): Promise<RevenueImportList> {
  return get('/v1/revenue/imports', {}, signal);
}

export function importRevenue(file: NewRevenueImport): Promise<RevenueImportItem> {
  return send('POST', '/v1/revenue/imports', file, {}, IMPORT_TIMEOUT_MS);
}

export function listUnmapped(signal: AbortSignal): Promise<UnmappedCustomerList> {
  return get('/v1/revenue/unmapped', {}, signal);
}

export function mapCustomer(customerId: string, tenantId: string): Promise<unknown> {
  return send('PUT', `/v1/revenue/customers/${encodeURIComponent(customerId)}`, { tenant_id: tenantId });
}

export function getFeatures(signal: AbortSignal): Promise<FeatureList> {
  return get('/v1/margins/features', {}, signal);
}

export function setFeatures(items: FeatureList['items']): Promise<FeatureList> {
  return send('PUT', '/v1/margins/features', { items });
}
