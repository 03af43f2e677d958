import type {
  AnomalyList,
  ApprovalList,
  BreakerList,
  BreakerOrderItem,
  DecisionList,
  DegradationItem,
  DegradationList,
  FlagInstanceList,
  KillSwitchItem,
  NewBreakerOrder,
  NewDegradation,
  ThrottleList,
} from '../../../src/api/contract.ts';
import type { DeployItem, DeployList } from '../../../src/api/deploys-contract.ts';
import type { NeighborsAnswer } from '../../../src/api/neighbors-contract.ts';
import { get, rfc3339, send } from '../shared/api-client.ts';
import type { RangeWindow } from '../shared/time-range.ts';

/** Everything that stands on the timeline is asked for up to this many of a kind, newest first. */
const MOST_EVENTS = 200;

export function lookAtNeighbors(
  asked: { window: RangeWindow; service: string | undefined },
  signal?: AbortSignal,
): Promise<NeighborsAnswer> {
  return get('/v1/neighbors', { ...rfc3339(asked.window), service: asked.service }, signal);
}

export interface InForce {
  readonly throttles: ThrottleList['items'];
  readonly breakers: BreakerList['items'];
  readonly degradations: DegradationList['items'];
  readonly killSwitch: KillSwitchItem;
  readonly approvals: ApprovalList['items'];
  readonly instances: FlagInstanceList;
}

/** What is in force or waits right now, over all tenants. */
export async function whatIsInForce(signal?: AbortSignal): Promise<InForce> {
  const [throttles, breakers, degradations, killSwitch, approvals, instances] = await Promise.all([
    get<ThrottleList>('/v1/throttles', { active: true, limit: MOST_EVENTS }, signal),
    get<BreakerList>('/v1/breakers', { limit: MOST_EVENTS }, signal),
    get<DegradationList>('/v1/degradations', { limit: MOST_EVENTS }, signal),
    get<KillSwitchItem>('/v1/control/kill-switch', {}, signal),
    get<ApprovalList>('/v1/control/approvals', { pending: true }, signal),
    get<FlagInstanceList>('/v1/flags/instances', {}, signal),
  ]);
  return {
    throttles: throttles.items,
    breakers: breakers.items,
    degradations: degradations.items,
    killSwitch,
    approvals: approvals.items,
    instances,
  };
}

export interface History {
  readonly anomalies: AnomalyList['items'];
  readonly throttles: ThrottleList['items'];
  readonly decisions: DecisionList['items'];
  readonly approvals: ApprovalList['items'];
  readonly deploys: DeployItem[];
}

/** What happened in the window; some lists have no window and hold the newest, so callers cut. */
export async function whatHappened(window: RangeWindow, signal?: AbortSignal): Promise<History> {
  const limit = MOST_EVENTS;
  const [anomalies, throttles, decisions, approvals, deploys] = await Promise.all([
    get<AnomalyList>('/v1/anomalies', { ...rfc3339(window), limit }, signal),
    get<ThrottleList>('/v1/throttles', { limit }, signal),
    get<DecisionList>('/v1/decisions', { limit }, signal),
    get<ApprovalList>('/v1/control/approvals', { limit }, signal),
    get<DeployList>('/v1/deploys', { ...rfc3339(window), limit }, signal),
  ]);
  return {
    anomalies: anomalies.items,
    throttles: throttles.items,
    decisions: decisions.items,
    approvals: approvals.items,
    deploys: deploys.items,
  };
}

export async function listDeploys(window: RangeWindow, signal?: AbortSignal): Promise<DeployItem[]> {
  return (await get<DeployList>('/v1/deploys', { ...rfc3339(window), limit: MOST_EVENTS }, signal)).items;
}

export function setKillSwitch(on: boolean, reason: string): Promise<KillSwitchItem> {
  return send('PUT', '/v1/control/kill-switch', { on, reason });
}

export function decideApproval(id: string, verdict: 'approve' | 'deny', note: string): Promise<unknown> {
  return send('POST', `/v1/control/approvals/${encodeURIComponent(id)}/${verdict}`, note === '' ? {} : { note });
}

export function orderBreaker(order: NewBreakerOrder): Promise<BreakerOrderItem> {
  return send('POST', '/v1/breakers/orders', order);
}

export function liftBreakerOrder(id: string): Promise<unknown> {
  return send('DELETE', `/v1/breakers/orders/${encodeURIComponent(id)}`);
}

export function orderDegradation(order: NewDegradation): Promise<DegradationItem> {
  return send('POST', '/v1/degradations', order);
}

export function liftDegradation(id: string): Promise<unknown> {
  return send('DELETE', `/v1/degradations/${encodeURIComponent(id)}`);
}

export function listInstances(signal?: AbortSignal): Promise<FlagInstanceList> {
  return get('/v1/flags/instances', {}, signal);
}
