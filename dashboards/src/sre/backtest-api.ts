import type {
  AllowListList,
  ApprovalList,
  BacktestList,
  DecisionList,
  KillSwitchItem,
  KnownPeakList,
  RuleStageItem,
} from '../../../src/api/contract.ts';
import type { BacktestItem, NewBacktest, NewKnownPeak, TenantStageItem } from '../../../src/api/control-contract.ts';
import { get, send } from '../shared/api-client.ts';

const MOST_LISTED = 200;

const rulePath = (rule: string) => `/v1/control/rules/${encodeURIComponent(rule)}/stage`;

async function listRules(signal?: AbortSignal): Promise<RuleStageItem[]> {
  return (await get<{ items: RuleStageItem[] }>('/v1/control/rules', {}, signal)).items;
}

export async function listBacktests(signal?: AbortSignal): Promise<BacktestItem[]> {
  return (await get<BacktestList>('/v1/backtests', { limit: MOST_LISTED }, signal)).items;
}

export function askBacktest(question: NewBacktest): Promise<BacktestItem> {
  return send('POST', '/v1/backtests', question);
}

export function cancelBacktest(id: string): Promise<unknown> {
  return send('DELETE', `/v1/backtests/${encodeURIComponent(id)}`);
}

export interface Guards {
  readonly rules: RuleStageItem[];
  readonly peaks: KnownPeakList['items'];
  readonly allowed: AllowListList['items'];
  readonly stages: TenantStageItem[];
  readonly approvals: ApprovalList['items'];
  readonly killSwitch: KillSwitchItem;
}

/** Everything that people have told automation, and how far each rule may go. */
export async function whatPeopleSaid(signal?: AbortSignal): Promise<Guards> {
  const [rules, peaks, allowed, stages, approvals, killSwitch] = await Promise.all([
    listRules(signal),
    get<KnownPeakList>('/v1/control/known-peaks', {}, signal),
    get<AllowListList>('/v1/control/allow-list', {}, signal),
    get<{ items: TenantStageItem[] }>('/v1/control/tenant-stages', {}, signal),
    get<ApprovalList>('/v1/control/approvals', { pending: true }, signal),
    get<KillSwitchItem>('/v1/control/kill-switch', {}, signal),
  ]);
  return {
    rules,
    peaks: peaks.items,
    allowed: allowed.items,
    stages: stages.items,
    approvals: approvals.items,
    killSwitch,
  };
}

export async function listDecisions(tenantId: string, signal?: AbortSignal): Promise<DecisionList['items']> {
  const query = { tenant_id: tenantId === '' ? undefined : tenantId, limit: MOST_LISTED };
  return (await get<DecisionList>('/v1/decisions', query, signal)).items;
}

export function moveRule(rule: string, stage: string, reason: string, unproven: string): Promise<RuleStageItem> {
  return send('PUT', rulePath(rule), { stage, reason, ...(unproven === '' ? {} : { unproven_because: unproven }) });
}

export function addPeak(peak: NewKnownPeak): Promise<unknown> {
  return send('POST', '/v1/control/known-peaks', peak);
}

export function removePeak(id: string): Promise<unknown> {
  return send('DELETE', `/v1/control/known-peaks/${encodeURIComponent(id)}`);
}

export function allowTenant(
  tenantId: string,
  entry: { owner: string; reason: string; expires_in_seconds: number },
): Promise<unknown> {
  return send('PUT', `/v1/control/allow-list/${encodeURIComponent(tenantId)}`, entry);
}

export function disallowTenant(tenantId: string): Promise<unknown> {
  return send('DELETE', `/v1/control/allow-list/${encodeURIComponent(tenantId)}`);
}

export function putTenantStage(tenantId: string, stage: string, reason: string): Promise<unknown> {
  return send('PUT', `/v1/control/tenant-stages/${encodeURIComponent(tenantId)}`, { stage, reason });
}

export function removeTenantStage(tenantId: string): Promise<unknown> {
  return send('DELETE', `/v1/control/tenant-stages/${encodeURIComponent(tenantId)}`);
}
