/**
 * Reads what the flag stream brings. The server is not trusted blindly: a flag of the wrong shape is dropped and
 * counted, the others of the same event are kept, and unknown fields are ignored so that the server may add some.
 */
import { limitToWire, scopeToWire, type WireFlag } from '../domain/flag-wire.ts';
import {
  type BreakerState,
  DEGRADE_STEPS,
  type DegradeStep,
  type EnforcementMode,
  type ThrottleLimit,
  type ThrottleScope,
} from '../domain/flags.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import {
  SUSPENSION_EFFECTS,
  SUSPENSION_REASONS,
  type SuspensionEffect,
  type SuspensionReason,
} from '../domain/tenant-state.ts';

interface ReceivedFlagBase {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly revision: number;
  /** Remaining life in milliseconds when the event was written. */
  readonly ttlMs: number;
  /** RFC 3339 on the server's clock; for people. */
  readonly expiresAt: string;
  readonly reason: string;
}

export interface ReceivedThrottle extends ReceivedFlagBase {
  readonly kind: 'throttle';
  readonly mode: EnforcementMode;
  readonly scope: ThrottleScope;
  readonly limit: ThrottleLimit;
  /** Nobody set it by hand. */
  readonly automatic: boolean;
  /** First segments of routes that it does not hold for. */
  readonly sparedRoutes: readonly string[];
}

export interface ReceivedBreaker extends ReceivedFlagBase {
  readonly kind: 'breaker';
  readonly integration: string;
  readonly state: BreakerState;
}

export interface ReceivedDegrade extends ReceivedFlagBase {
  readonly kind: 'degrade';
  readonly feature: string;
  readonly step: DegradeStep;
}

/** The tenant is suspended or closed. */
export interface ReceivedSuspend extends ReceivedFlagBase {
  readonly kind: 'suspend';
  readonly status: 'suspended' | 'closed';
  readonly effect: SuspensionEffect;
  readonly reasonCode: SuspensionReason;
}

/** No automatic throttle holds for the tenant. */
export interface ReceivedAllow extends ReceivedFlagBase {
  readonly kind: 'allow';
}

export type ReceivedFlag = ReceivedThrottle | ReceivedBreaker | ReceivedDegrade | ReceivedAllow | ReceivedSuspend;

export interface ReceivedFlags {
  readonly revision: number;
  readonly flags: readonly ReceivedFlag[];
  /** Ids lifted before their time; empty in a snapshot. */
  readonly removals: readonly string[];
  /** Flags that were dropped because of their shape. */
  readonly malformed: number;
  /** Live instances of this service; undefined when the server did not say. */
  readonly instances?: number | undefined;
}

/** No flag lives longer than this, whatever the server says: caps of a month are the longest that exist. */
const MAX_TTL_MS = 31 * 24 * 3_600_000;
const MAX_TEXT = 512;
const MAX_SPARED = 100;

type Parts = Readonly<Record<string, unknown>>;

function asObject(value: unknown): Parts | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Parts) : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT;
}

function isRevision(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Of requests or instances: whole and at least 1. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((item) => item === value);
}

function readScope(value: unknown): ThrottleScope | undefined {
  if (value === undefined) return {};
  const parts = asObject(value);
  if (parts === undefined) return undefined;
  const { service, route, cost_class: costClass } = parts;
  // A scope that is not understood must not become a wider one.
  if ([service, route, costClass].some((member) => member !== undefined && !isText(member))) return undefined;
  return {
    ...(isText(service) ? { service } : {}),
    ...(isText(route) ? { route } : {}),
    ...(isText(costClass) ? { costClass } : {}),
  };
}

function readLimit(value: unknown): ThrottleLimit | undefined {
  const { requests_per_second: rate, burst, max_concurrent: maxConcurrent } = asObject(value) ?? {};
  if (typeof rate !== 'number' || !Number.isFinite(rate) || rate < 0) return undefined;
  if (typeof burst !== 'number' || !Number.isFinite(burst) || burst < 1) return undefined;
  if (maxConcurrent === undefined) return { requestsPerSecond: rate, burst };
  if (!isCount(maxConcurrent)) return undefined;
  return { requestsPerSecond: rate, burst, maxConcurrent };
}

function readBase(parts: Parts): ReceivedFlagBase | undefined {
  const { id, revision, ttl_ms: ttlMs, expires_at: expiresAt, reason } = parts;
  const tenantId = parseTenantId(parts['tenant_id']);
  if (tenantId === undefined || !isText(id) || !isRevision(revision)) return undefined;
  if (typeof ttlMs !== 'number' || !Number.isFinite(ttlMs) || ttlMs <= 0) return undefined;
  return {
    id,
    tenantId,
    revision,
    ttlMs: Math.min(ttlMs, MAX_TTL_MS),
    expiresAt: isText(expiresAt) ? expiresAt : '',
    reason: typeof reason === 'string' ? reason.slice(0, MAX_TEXT) : '',
  };
}

function readThrottle(base: ReceivedFlagBase, parts: Parts): ReceivedFlag | undefined {
  const mode = oneOf<EnforcementMode>(parts['mode'], ['enforce', 'shadow']);
  const scope = readScope(parts['scope']);
  const limit = readLimit(parts['limit']);
  if (mode === undefined || scope === undefined || limit === undefined) return undefined;
  const { automatic, spared_routes: spared } = parts;
  const sparedRoutes = Array.isArray(spared) ? spared.filter(isText).slice(0, MAX_SPARED) : [];
  return { ...base, kind: 'throttle', mode, scope, limit, automatic: automatic === true, sparedRoutes };
}

function readBreaker(base: ReceivedFlagBase, parts: Parts): ReceivedFlag | undefined {
  const integration = parts['integration'];
  const state = oneOf<BreakerState>(parts['state'], ['auto', 'open', 'closed']);
  return isText(integration) && state !== undefined ? { ...base, kind: 'breaker', integration, state } : undefined;
}

function readDegrade(base: ReceivedFlagBase, parts: Parts): ReceivedFlag | undefined {
  const feature = parts['feature'];
  const step = oneOf<DegradeStep>(parts['step'], DEGRADE_STEPS);
  return isText(feature) && step !== undefined ? { ...base, kind: 'degrade', feature, step } : undefined;
}

/** An effect that is not known is none that this version could carry out; a reason that is not known is another one. */
function readSuspend(base: ReceivedFlagBase, parts: Parts): ReceivedFlag | undefined {
  const status = oneOf<ReceivedSuspend['status']>(parts['status'], ['suspended', 'closed']);
  const effect = oneOf(parts['effect'], SUSPENSION_EFFECTS);
  if (status === undefined || effect === undefined) return undefined;
  return {
    ...base,
    kind: 'suspend',
    status,
    effect,
    reasonCode: oneOf(parts['reason_code'], SUSPENSION_REASONS) ?? 'other',
  };
}

const READERS = new Map<unknown, (base: ReceivedFlagBase, parts: Parts) => ReceivedFlag | undefined>([
  ['throttle', readThrottle],
  ['breaker', readBreaker],
  ['degrade', readDegrade],
  ['allow', (base) => ({ ...base, kind: 'allow' })],
  ['suspend', readSuspend],
]);

function readFlag(value: unknown): ReceivedFlag | undefined {
  const parts = asObject(value);
  const base = parts && readBase(parts);
  return base && READERS.get(parts['kind'])?.(base, parts);
}

function readFlags(parts: Parts, flags: unknown, removals: unknown): ReceivedFlags | undefined {
  const { revision, instances } = parts;
  if (!isRevision(revision) || !Array.isArray(flags) || !Array.isArray(removals)) return undefined;
  const read = flags.map(readFlag).filter((flag) => flag !== undefined);
  return {
    revision,
    flags: read,
    removals: removals.filter(isText),
    malformed: flags.length - read.length,
    instances: isCount(instances) ? instances : undefined,
  };
}

function parseJson(text: string): Parts | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** The data of a `snapshot` event (`FlagSnapshot`), or undefined when it is none. */
export function readSnapshot(data: string): ReceivedFlags | undefined {
  const parts = parseJson(data);
  return parts && readFlags(parts, parts['flags'], []);
}

/** The data of a `change` event (`FlagChange`), or undefined when it is none. */
export function readChange(data: string): ReceivedFlags | undefined {
  const parts = parseJson(data);
  return parts && readFlags(parts, parts['upserts'], parts['removals']);
}

/** The data of a `fleet` event (`FlagFleet`): live instances of this service; undefined when it is none. */
export function readFleet(data: string): number | undefined {
  const instances = parseJson(data)?.['instances'];
  return isCount(instances) ? instances : undefined;
}

/** A flag as it was sent, with the life that is left of it. @param ttlMs milliseconds */
export function asWireFlag(flag: ReceivedFlag, ttlMs: number): WireFlag {
  const { id, tenantId, revision, expiresAt, reason } = flag;
  const common = { id, tenant_id: tenantId, revision, ttl_ms: ttlMs, expires_at: expiresAt, reason };
  switch (flag.kind) {
    case 'throttle': {
      const { mode, scope, limit, automatic, sparedRoutes } = flag;
      const marks = automatic ? { automatic, spared_routes: [...sparedRoutes] } : {};
      return { kind: 'throttle', ...common, mode, scope: scopeToWire(scope), limit: limitToWire(limit), ...marks };
    }
    case 'breaker':
      return { kind: 'breaker', ...common, integration: flag.integration, state: flag.state };
    case 'allow':
      return { kind: 'allow', ...common };
    case 'suspend':
      return { kind: 'suspend', ...common, status: flag.status, effect: flag.effect, reason_code: flag.reasonCode };
    case 'degrade':
      return { kind: 'degrade', ...common, feature: flag.feature, step: flag.step };
  }
}
