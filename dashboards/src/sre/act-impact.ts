/** Whom a throttle would affect, from what the tenant did in the last minutes. Pure. */
import type { FlagInstanceList, MetricSeries } from '../../../src/api/contract.ts';
import { formatCount, formatPercent } from '../shared/format.ts';

export interface Impact {
  /** Whole minutes that were looked at. */
  readonly minutes: number;
  readonly requests: number;
  /** Of these requests, how many the limit would have refused. */
  readonly refused: number;
  /** Routes with traffic in the scope, the busiest first. */
  readonly routes: readonly { readonly route: string; readonly requests: number }[];
}

export interface ImpactQuestion {
  /** Requests a minute by route, as `/v1/tenants/{id}/metrics` tells it. */
  readonly byRoute: MetricSeries;
  /** '' for all routes. */
  readonly route: string;
  /** Requests a second. */
  readonly rate: number;
  readonly burst: number;
  /** Unix ms: minutes that end later are still filling. */
  readonly now: number;
}

const MINUTE_MS = 60_000;

/**
 * What a limit would have refused, minute by minute: a bucket that fills at the rate and holds the burst. Within a minute
 * requests count as evenly spread, so this is the least; bursts within a minute are refused beyond it.
 */
export function impactOf({ byRoute, route, rate, burst, now }: ImpactQuestion): Impact {
  const concerned = byRoute.series.filter(({ group }) => route === '' || group.route === route);
  const perMinute = new Map<number, number>();
  const routes = concerned
    .map(({ group, points }) => {
      const whole = points.filter(([at]) => at + MINUTE_MS <= now);
      for (const [at, requests] of whole) perMinute.set(at, (perMinute.get(at) ?? 0) + (requests ?? 0));
      return { route: group.route ?? '', requests: whole.reduce((sum, [, requests]) => sum + (requests ?? 0), 0) };
    })
    .filter(({ requests }) => requests > 0)
    .sort((a, b) => b.requests - a.requests);
  let refused = 0;
  let spare = burst;
  for (const [, requests] of [...perMinute].sort(([a], [b]) => a - b)) {
    const allowed = Math.min(requests, rate * 60 + spare);
    refused += requests - allowed;
    spare = Math.min(burst, Math.max(0, spare + rate * 60 - requests));
  }
  const requests = routes.reduce((sum, one) => sum + one.requests, 0);
  return { minutes: perMinute.size, requests, refused, routes };
}

/** How many requests a minute would be refused (in shadow mode: counted), on which routes. */
export function impactSentence({ minutes, requests, refused, routes }: Impact, mode: 'enforce' | 'shadow'): string {
  const done = mode === 'enforce' ? 'refused' : 'counted';
  if (minutes === 0 || requests === 0)
    return `It sent no requests there in the last minutes: none would be ${done} now.`;
  const busiest = routes[0]?.route === '' ? 'an unnamed one' : routes[0]?.route;
  const where = routes.length <= 1 ? '' : ` on ${routes.length} routes, most on ${busiest}`;
  const pace = `At its pace of the last ${minutes} minutes (${formatCount(Math.round(requests / minutes))} requests a minute${where})`;
  if (refused < 0.5) return `${pace} none would be ${done}.`;
  const each = formatCount(Math.max(1, Math.round(refused / minutes)));
  return `${pace} about ${each} a minute would be ${done}: ${formatPercent(refused / requests)}.`;
}

/** How many app instances hear of it. Users are not counted: spans carry none. */
export function instancesSentence({ items }: FlagInstanceList, service: string): string {
  const live = items.filter((one) => one.live && (service === '' || one.service === service));
  if (live.length === 0) {
    const which = service === '' ? 'No app instance' : `No instance of ${service}`;
    return `${which} is connected: nobody would obey it now. One that connects before it ends will.`;
  }
  const services = [...new Set(live.map((one) => one.service))].sort();
  const count = live.length === 1 ? '1 app instance' : `${live.length} app instances`;
  return `${count} (${services.slice(0, 3).join(', ')}${services.length > 3 ? ', …' : ''}) would obey it.`;
}
