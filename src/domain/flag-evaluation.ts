/** Flags as OpenFeature sees them: the server's OFREP routes and the middleware's provider give the same answers. */
import type { Placement } from './dedicated.ts';
import type { WireFlag } from './flag-wire.ts';
import { DEGRADE_STEPS } from './flags.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** One evaluated flag as OFREP writes it. Deterministic for the same facts, so that a hash of it is an ETag. */
export interface Evaluation {
  readonly key: string;
  /** Absent: the caller's code default holds. */
  readonly value?: Json;
  readonly reason: 'STATIC' | 'TARGETING_MATCH';
  readonly variant?: string;
  readonly metadata: Record<string, string | number | boolean>;
}

/** What an evaluation context says of the request at hand; what it leaves out limits nothing. */
export interface EvaluationScope {
  readonly service: string | undefined;
  readonly route: string | undefined;
  readonly method: string | undefined;
  readonly costClass: string | undefined;
}

/** The scope in an evaluation context: its attributes `service`, `route`, `method` and `cost_class`. */
export function scopeOf(context: Readonly<Record<string, unknown>>): EvaluationScope {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return {
    service: text(context['service']),
    route: text(context['route']),
    method: text(context['method']),
    costClass: text(context['cost_class']),
  };
}

/** A scope names a route with its method (`GET /orders/:id`) or without. */
function mayBeRoute(scoped: string, { route, method }: EvaluationScope): boolean {
  if (route === undefined || scoped === route) return true;
  const [, itsMethod, itsRoute] = /^([A-Z]+) (.*)$/s.exec(scoped) ?? [];
  return itsRoute === route && (method === undefined || itsMethod === (method === 'HEAD' ? 'GET' : method));
}

/** Whether a flag can hold for a request in this scope. */
export function mayConcern({ scope = {} }: WireFlag, asked: EvaluationScope): boolean {
  const fits = (limitedTo: string | undefined, is: string | undefined) =>
    limitedTo === undefined || is === undefined || limitedTo === is;
  return (
    fits(scope.service, asked.service) &&
    fits(scope.cost_class, asked.costClass) &&
    (scope.route === undefined || mayBeRoute(scope.route, asked))
  );
}

/** What is known of the one tenant that is asked about: its flags in force, its plan if it has one, where it is placed. */
export interface TenantFacts {
  readonly flags: readonly WireFlag[];
  readonly plan: string | undefined | typeof UNKNOWN_PLAN;
  /** What the plan includes by the operator's own names; null: nobody has said. Absent: not asked for, or not to be read. */
  readonly features?: readonly string[] | null | undefined;
  /** Absent: not asked for, or it cannot be read right now; apps go on with what they knew. */
  readonly placement?: Placement | undefined;
}

/** The plan cannot be read right now, which is not the same as none. */
export const UNKNOWN_PLAN = Symbol('unknown plan');

/** One flag of a bulk answer that could not be evaluated. */
export interface EvaluationFailure {
  readonly key: string;
  readonly errorCode: 'GENERAL';
  readonly errorDetails: string;
}

const BREAKER_KEY = /^breaker\.(?<integration>[A-Za-z0-9][A-Za-z0-9._-]{0,63})$/;

function metadataOf(flag: WireFlag) {
  return { id: flag.id, revision: flag.revision, reason: flag.reason, expires_at: flag.expires_at };
}

/** `active`: some throttle refuses requests now; those in shadow mode are listed but refuse nothing. */
function throttle({ flags }: TenantFacts): Evaluation {
  const isAllowed = flags.some(({ kind }) => kind === 'allow');
  const throttles = flags
    .filter((flag) => flag.kind === 'throttle' && !(isAllowed && flag.automatic === true))
    .sort((a, b) => a.id.localeCompare(b.id))
    .map(({ id, mode = 'shadow', scope = {}, limit, expires_at, reason }) => ({
      id,
      mode,
      scope: { ...scope },
      limit: limit === undefined ? null : { ...limit },
      expires_at,
      reason,
    }));
  const active = throttles.some(({ mode }) => mode === 'enforce');
  return {
    key: 'throttle',
    value: { active, throttles },
    reason: throttles.length === 0 ? 'STATIC' : 'TARGETING_MATCH',
    variant: active ? 'enforce' : throttles.length === 0 ? 'none' : 'shadow',
    metadata: {},
  };
}

/** Whether the tenant is suspended or closed, and what that does. */
function suspended({ flags }: TenantFacts): Evaluation {
  const flag = strictestSuspension(flags);
  if (flag === undefined) return { key: 'suspended', value: false, reason: 'STATIC', variant: 'active', metadata: {} };
  const { status = 'suspended', effect = 'refuse', reason_code: reasonCode = 'other' } = flag;
  // Not the reason itself, which is the operator's: apps show what is here to the tenant's own people.
  const metadata = {
    ...{ id: flag.id, revision: flag.revision, status, effect },
    ...{ reason_code: reasonCode, expires_at: flag.expires_at },
  };
  return { key: 'suspended', value: true, reason: 'TARGETING_MATCH', variant: effect, metadata };
}

/** Two are in force at most for the moment in which one takes the place of the other. */
function strictestSuspension(flags: readonly WireFlag[]): WireFlag | undefined {
  const held = flags.filter(({ kind }) => kind === 'suspend').sort((a, b) => b.revision - a.revision);
  return held.find(({ effect }) => effect !== 'read_only') ?? held[0];
}

/** The strictest step of all flags that degrade the feature; whoever is suspended has none of it. */
function degrade({ flags }: TenantFacts): Evaluation {
  const suspension = strictestSuspension(flags);
  if (suspension !== undefined) {
    const metadata = { id: suspension.id, revision: suspension.revision, expires_at: suspension.expires_at };
    return { key: 'degrade.ai', value: 'blocked', reason: 'TARGETING_MATCH', variant: 'blocked', metadata };
  }
  const severity = (flag: WireFlag) => DEGRADE_STEPS.indexOf(flag.step ?? 'ok');
  const [strictest] = flags
    .filter((flag) => flag.kind === 'degrade' && flag.feature === 'ai')
    .sort((a, b) => severity(b) - severity(a) || a.id.localeCompare(b.id));
  if (strictest === undefined) return { key: 'degrade.ai', value: 'ok', reason: 'STATIC', variant: 'ok', metadata: {} };
  const step = strictest.step ?? 'ok';
  return { key: 'degrade.ai', value: step, reason: 'TARGETING_MATCH', variant: step, metadata: metadataOf(strictest) };
}

/** The newest word on the integration: people's overrides replace each other. */
function breaker(integration: string, { flags }: TenantFacts): Evaluation {
  const key = `breaker.${integration}`;
  const [newest] = flags
    .filter((flag) => flag.kind === 'breaker' && flag.integration === integration)
    .sort((a, b) => b.revision - a.revision);
  if (newest === undefined) return { key, value: 'auto', reason: 'STATIC', variant: 'auto', metadata: {} };
  const state = newest.state ?? 'auto';
  return { key, value: state, reason: 'TARGETING_MATCH', variant: state, metadata: metadataOf(newest) };
}

function plan(facts: TenantFacts): Evaluation | EvaluationFailure {
  if (facts.plan === UNKNOWN_PLAN) {
    return { key: 'plan', errorCode: 'GENERAL', errorDetails: 'The plan cannot be read right now.' };
  }
  if (facts.plan === undefined) return { key: 'plan', reason: 'STATIC', metadata: {} };
  return { key: 'plan', value: facts.plan, reason: 'TARGETING_MATCH', variant: facts.plan, metadata: {} };
}

/** Without a value where nobody has said what the plan includes: the code's default holds. */
function planFeatures({ features }: TenantFacts): Evaluation | EvaluationFailure {
  const key = 'plan.features';
  if (features === undefined) return { key, errorCode: 'GENERAL', errorDetails: 'The plan cannot be read right now.' };
  if (features === null) return { key, reason: 'STATIC', metadata: {} };
  return { key, value: { included: [...features] }, reason: 'TARGETING_MATCH', variant: 'listed', metadata: {} };
}

/** Everybody shares the pool, but those whom a person has placed elsewhere. */
function placement({ placement: placed }: TenantFacts): Evaluation | EvaluationFailure {
  if (placed === undefined) {
    return { key: 'placement', errorCode: 'GENERAL', errorDetails: 'The placement cannot be read right now.' };
  }
  const reason = placed === 'pooled' ? 'STATIC' : 'TARGETING_MATCH';
  return { key: 'placement', value: placed, reason, variant: placed, metadata: {} };
}

/** The flag with this key for the tenant; undefined if there is no such flag. */
export function evaluate(key: string, facts: TenantFacts): Evaluation | EvaluationFailure | undefined {
  switch (key) {
    case 'throttle':
      return throttle(facts);
    case 'degrade.ai':
      return degrade(facts);
    case 'suspended':
      return suspended(facts);
    case 'plan':
      return plan(facts);
    case 'plan.features':
      return planFeatures(facts);
    case 'placement':
      return placement(facts);
    default: {
      const integration = BREAKER_KEY.exec(key)?.groups?.['integration'];
      return integration === undefined ? undefined : breaker(integration, facts);
    }
  }
}

/** Every flag of the tenant; breakers only for the integrations that some flag is about. */
export function evaluateAll(facts: TenantFacts): (Evaluation | EvaluationFailure)[] {
  const integrations = new Set(
    facts.flags.flatMap((flag) => (flag.kind === 'breaker' ? [flag.integration ?? ''] : [])),
  );
  return [
    throttle(facts),
    degrade(facts),
    plan(facts),
    planFeatures(facts),
    placement(facts),
    suspended(facts),
    ...[...integrations].sort().map((integration) => breaker(integration, facts)),
  ];
}
