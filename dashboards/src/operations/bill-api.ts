import type {
  AllocationChange,
  AllocationRuleItem,
  AllocationRuleSet,
  AllocationRuleVersionList,
  BillDetail,
  BillItem,
  BillList,
} from '../../../src/api/bills-contract.ts';
import { get, send } from '../shared/api-client.ts';

const MOST_BILLS = 500;
/** As long as the server takes for it at most: a bill may have some hundred thousand lines. */
const SHARING_TIMEOUT_MS = 10 * 60_000;

const billPath = (id: string) => `/v1/bills/${encodeURIComponent(id)}`;

/** The newest 500. `ended`: also those that were replaced or removed. */
export async function listBills(ended: boolean, signal?: AbortSignal): Promise<readonly BillItem[]> {
  return (await get<BillList>('/v1/bills', { limit: MOST_BILLS, ended }, signal)).items;
}

export function getBill(id: string, signal: AbortSignal): Promise<BillDetail> {
  return get(billPath(id), {}, signal);
}

export function removeBill(id: string): Promise<unknown> {
  return send('DELETE', billPath(id));
}

/** Shares a bill out by the newest rules; `dryRun`: says what that would change, and keeps nothing. */
export function allocateBill(id: string, dryRun: boolean): Promise<AllocationChange> {
  return send('POST', `${billPath(id)}/allocate?dry_run=${dryRun}`, undefined, {}, SHARING_TIMEOUT_MS);
}

/** The rules now, or as they were in a version. */
export function getRules(version: number | undefined, signal: AbortSignal): Promise<AllocationRuleSet> {
  return get('/v1/allocation-rules', { version }, signal);
}

export function listRuleVersions(signal: AbortSignal): Promise<AllocationRuleVersionList> {
  return get('/v1/allocation-rules/versions', {}, signal);
}

export function changeRules(
  basedOn: number,
  rules: readonly AllocationRuleItem[],
  comment: string,
): Promise<AllocationRuleSet> {
  return send('PUT', '/v1/allocation-rules', { based_on: basedOn, rules, comment: comment === '' ? null : comment });
}

/** What a bill would come to for whom by `rules`. */
export function previewRules(billId: string, rules: readonly AllocationRuleItem[]): Promise<AllocationChange> {
  return send('POST', '/v1/allocation-rules/preview', { bill_id: billId, rules }, {}, SHARING_TIMEOUT_MS);
}
