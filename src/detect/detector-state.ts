import type { Anomaly, WatchedMetric } from '../domain/anomaly.ts';
import { WATCHED_METRICS } from '../domain/anomaly.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { isTenantId } from '../domain/tenant-id.ts';
import type { SeriesState } from './owner-rule.ts';
import { OWNER_RULE } from './owner-rule.ts';

/** One tenant's metric: what the rule remembers, and the finding that is open, if any. */
export interface WatchedSeries {
  readonly rule: SeriesState;
  readonly anomaly: Anomaly | null;
  /** The tenant's usual requests per second when the finding opened; null: not known. */
  readonly usualRequestsPerSecond: number | null;
}

export type WatchedTenant = Readonly<Partial<Record<WatchedMetric, WatchedSeries>>>;

/** Everything the detector must not forget over a restart. Maps, because tenants choose their own names. */
export interface DetectorState {
  readonly intervalSeconds: number | null;
  /** Unix ms: every interval before it has been judged; null: none yet. */
  readonly judgedUntil: number | null;
  readonly tenants: ReadonlyMap<TenantId, WatchedTenant>;
}

export const INITIAL_STATE: DetectorState = { intervalSeconds: null, judgedUntil: null, tenants: new Map() };

/** The state without tenants that are gone for good. */
export function withoutTenants(state: DetectorState, isGone: (tenantId: TenantId) => boolean): DetectorState {
  return { ...state, tenants: new Map([...state.tenants].filter(([tenantId]) => !isGone(tenantId))) };
}

/** The state as JSON, with the rule that wrote it. */
export function serializeState(state: DetectorState): string {
  const { intervalSeconds, judgedUntil, tenants } = state;
  return JSON.stringify({ rule: OWNER_RULE, intervalSeconds, judgedUntil, tenants: [...tenants] });
}

/**
 * The state in `text`, or undefined when another version of the rule wrote it or it is damaged: the detector then
 * starts as on the first day, which finds nothing until there is history, and never acts on half a memory.
 */
export function restoreState(text: string): DetectorState | undefined {
  const saved = parse(text);
  if (!isRecord(saved) || saved['rule'] !== OWNER_RULE || !Array.isArray(saved['tenants'])) return undefined;
  const { intervalSeconds, judgedUntil } = saved;
  if (!isNumberOrNull(intervalSeconds) || !isNumberOrNull(judgedUntil)) return undefined;
  const tenants = new Map<TenantId, WatchedTenant>();
  for (const entry of saved['tenants']) {
    if (!Array.isArray(entry) || !isTenantId(entry[0]) || !isWatchedTenant(entry[1])) return undefined;
    tenants.set(entry[0], entry[1]);
  }
  return { intervalSeconds, judgedUntil, tenants };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isWatchedTenant(value: unknown): value is WatchedTenant {
  if (!isRecord(value)) return false;
  return WATCHED_METRICS.every((metric) => value[metric] === undefined || isWatchedSeries(value[metric]));
}

function isWatchedSeries(value: unknown): value is WatchedSeries {
  if (!isRecord(value) || !isRecord(value['rule'])) return false;
  const { activeSince, open, surges } = value['rule'];
  // A finding is open for the rule exactly when it is open for the reader.
  const agrees = (open === null) === (value['anomaly'] === null);
  return typeof activeSince === 'number' && (open === null || isRecord(open)) && Array.isArray(surges) && agrees;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNumberOrNull(value: unknown): value is number | null {
  return value === null || typeof value === 'number';
}
