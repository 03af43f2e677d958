import type { BreakerOrder, BreakerOverview, BreakerPhase, BreakerSighting } from '../domain/breaker.ts';
import { compareText } from '../domain/text-order.ts';
import { FLAPPING_DEFAULTS, type FlappingParams, flappingOf } from './breaker-flapping.ts';

const WORST_FIRST: readonly BreakerPhase[] = ['open', 'half_open', 'closed'];

/**
 * One line for each tenant and integration that some instance or some order is about, over all instances: what is open
 * first. An order in force is what the breaker does, whatever the instances think of the integration.
 * @param now Unix milliseconds
 */
export function overviewsOf(
  sightings: readonly BreakerSighting[],
  orders: readonly BreakerOrder[],
  now: number,
  params: FlappingParams = FLAPPING_DEFAULTS,
): BreakerOverview[] {
  const groups = new Map<string, { sightings: BreakerSighting[]; order: BreakerOrder | undefined }>();
  const groupOf = ({ tenantId, integration }: { tenantId: string; integration: string }) => {
    const key = `${tenantId}\n${integration}`;
    const group = groups.get(key) ?? { sightings: [], order: undefined };
    groups.set(key, group);
    return group;
  };
  for (const sighting of sightings) groupOf(sighting).sightings.push(sighting);
  // A newer order lifts the older one, so there are never two in force; should there be, the newest stands.
  for (const order of orders) {
    const group = groupOf(order);
    if (group.order === undefined || order.revision > group.order.revision) group.order = order;
  }
  return [...groups.values()].map((group) => overviewOf(group.sightings, group.order, now, params)).sort(byUrgency);
}

function overviewOf(
  sightings: readonly BreakerSighting[],
  order: BreakerOrder | undefined,
  now: number,
  params: FlappingParams,
): BreakerOverview {
  const subject = order ?? sightings[0];
  const reported = WORST_FIRST.find((phase) => sightings.some(({ state }) => state === phase)) ?? 'closed';
  const counted = (phase: BreakerPhase) => sightings.filter(({ state }) => state === phase).length;
  const inState = sightings.filter(({ state }) => state === reported);
  const lately = sightings.toSorted((a, b) => b.reportedAt - a.reportedAt);
  return {
    tenantId: subject?.tenantId ?? '',
    integration: subject?.integration ?? '',
    state: order === undefined || order.state === 'auto' ? reported : order.state,
    instances: { open: counted('open'), half_open: counted('half_open'), closed: counted('closed') },
    services: [...new Set(sightings.map(({ service }) => service))].sort(),
    since: inState.length === 0 ? null : Math.min(...inState.map(({ since }) => since)),
    calls: inState.reduce((sum, { calls }) => sum + calls, 0),
    failures: inState.reduce((sum, { failures }) => sum + failures, 0),
    lastError: lately.find(({ lastError }) => lastError !== null)?.lastError ?? null,
    reportedAt: lately[0]?.reportedAt ?? null,
    order: order ?? null,
    flapping: flappingOf(sightings, now, params) ?? null,
  };
}

function byUrgency(a: BreakerOverview, b: BreakerOverview): number {
  const rank = ({ state }: BreakerOverview) => WORST_FIRST.indexOf(state);
  return rank(a) - rank(b) || compareText(a.tenantId, b.tenantId) || compareText(a.integration, b.integration);
}
