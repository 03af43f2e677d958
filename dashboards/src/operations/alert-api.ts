import type {
  AlertItem,
  AlertList,
  AlertRouteItem,
  AlertRouteList,
  AlertRouteTestResult,
  MuteItem,
  MuteList,
  NewMute,
} from '../../../src/api/alert-contract.ts';
import { get, rfc3339, send } from '../shared/api-client.ts';
import type { RangeWindow } from '../shared/time-range.ts';

/** As many as one answer holds. */
export const MOST_ALERTS = 500;

export interface AlertFilter {
  readonly window: RangeWindow;
  readonly status?: string | undefined;
  readonly kind?: string | undefined;
  readonly tenantId?: string | undefined;
}

const withId = (path: string, id: string) => `${path}/${encodeURIComponent(id)}`;

export async function listAlerts(filter: AlertFilter, signal: AbortSignal): Promise<readonly AlertItem[]> {
  const { window, status, kind, tenantId } = filter;
  const query = { ...rfc3339(window), status, kind, tenant_id: tenantId, limit: MOST_ALERTS };
  return (await get<AlertList>('/v1/alerts', query, signal)).items;
}

export function acknowledgeAlert(id: string): Promise<AlertItem> {
  return send('POST', `${withId('/v1/alerts', id)}/ack`);
}

export async function listRoutes(signal: AbortSignal): Promise<readonly AlertRouteItem[]> {
  return (await get<AlertRouteList>('/v1/alert-routes', {}, signal)).items;
}

export function createRoute(route: unknown): Promise<AlertRouteItem> {
  return send('POST', '/v1/alert-routes', route);
}

export function deleteRoute(id: string): Promise<unknown> {
  return send('DELETE', withId('/v1/alert-routes', id));
}

export function testRoute(id: string): Promise<AlertRouteTestResult> {
  return send('POST', `${withId('/v1/alert-routes', id)}/test`);
}

export async function listMutes(signal: AbortSignal): Promise<readonly MuteItem[]> {
  return (await get<MuteList>('/v1/mutes', {}, signal)).items;
}

export function createMute(mute: NewMute): Promise<MuteItem> {
  return send('POST', '/v1/mutes', mute);
}

export function endMute(id: string): Promise<unknown> {
  return send('DELETE', withId('/v1/mutes', id));
}
