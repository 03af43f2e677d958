/**
 * W3C baggage between the operator's own services. Whoever calls can put anything into baggage, and baggage goes on to
 * every service that is called: so a tenant in it is believed only from peers named as trusted, is sent only to hosts
 * named as own, and is taken out everywhere else.
 */
import {
  type BaggageEntry,
  type Context,
  context,
  propagation,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from '@opentelemetry/api';
import { TENANT_ATTRIBUTE } from '../domain/attributes.ts';
import { countInProcess } from './counters.ts';
import { guarded } from './guard.ts';
import { peerTest, type TrustedPeers } from './peer-trust.ts';
import { tenantIn } from './tenant-context.ts';
import type { SourceRequest, TenantSource } from './tenant-source.ts';

/** Members that name a tenant, ours and the one that other libraries copy onto spans. */
const TENANT_MEMBERS = [TENANT_ATTRIBUTE, 'tenant.id'];
/** https://www.w3.org/TR/baggage/#limits */
const MAX_BAGGAGE_LENGTH = 8_192;

/** Host names (`billing.internal`), all below one (`*.internal`), or the app's own judgement. */
export type OwnHosts = readonly string[] | ((host: string) => boolean);

/** `ctx` whose baggage names no tenant: what came in from outside must not travel on. */
export function withoutTenantBaggage(ctx: Context): Context {
  const baggage = propagation.getBaggage(ctx);
  if (baggage === undefined || TENANT_MEMBERS.every((member) => baggage.getEntry(member) === undefined)) return ctx;
  return propagation.setBaggage(ctx, baggage.removeEntries(...TENANT_MEMBERS));
}

function withTenantBaggage(ctx: Context): Context {
  const tenant = tenantIn(ctx);
  if (tenant === undefined) return ctx;
  const entry: BaggageEntry = { value: tenant.tenantId };
  return propagation.setBaggage(
    ctx,
    (propagation.getBaggage(ctx) ?? propagation.createBaggage()).setEntry(TENANT_ATTRIBUTE, entry),
  );
}

function hostTest(hosts: OwnHosts): (host: string) => boolean {
  if (typeof hosts === 'function') return (host) => hosts(host) === true;
  const names = new Set(hosts.filter((host) => !host.startsWith('*.')).map((host) => host.toLowerCase()));
  const suffixes = hosts.filter((host) => host.startsWith('*.')).map((host) => host.slice(1).toLowerCase());
  return (host) => names.has(host) || suffixes.some((suffix) => host.length > suffix.length && host.endsWith(suffix));
}

function hostOf(url: unknown): string | undefined {
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).hostname : undefined;
}

/** Where the outgoing request of the active client span goes, as http and undici instrumentation say it. */
function destinationOf(ctx: Context): string | undefined {
  const span = trace.getSpan(ctx) as { attributes?: Record<string, unknown> } | undefined;
  const held = span?.attributes;
  const host = hostOf(held?.['url.full'] ?? held?.['http.url']) ?? held?.['server.address'] ?? held?.['net.peer.name'];
  return typeof host === 'string' ? host.toLowerCase() : undefined;
}

/** Options of `TenantBaggagePropagator`. */
export interface TenantBaggageOptions {
  /** The operator's own services: only they are told the tenant. */
  readonly hosts: OwnHosts;
  /** What writes and reads headers: `W3CBaggagePropagator`, or a composite that holds it. */
  readonly propagator: TextMapPropagator;
}

/**
 * A propagator around another: adds the current tenant to the baggage of requests to own hosts, and takes a tenant out
 * of all baggage that comes in or goes elsewhere. The host is read from the client span that instrumentation has
 * started; where there is none, or it is not recorded (sampled out), no tenant is sent: see `tenantBaggageFor`.
 */
export class TenantBaggagePropagator implements TextMapPropagator {
  readonly #inner: TextMapPropagator;
  readonly #isOwn: (host: string) => boolean;

  constructor(options: TenantBaggageOptions) {
    this.#inner = options.propagator;
    this.#isOwn = hostTest(options.hosts);
  }

  inject(ctx: Context, carrier: unknown, setter: TextMapSetter): void {
    const clean = withoutTenantBaggage(ctx);
    const sent = guarded(
      countInProcess,
      'hook_failed',
      () => {
        const host = destinationOf(ctx);
        return host !== undefined && this.#isOwn(host) ? withTenantBaggage(clean) : clean;
      },
      clean,
    );
    this.#inner.inject(sent, carrier, setter);
  }

  extract(ctx: Context, carrier: unknown, getter: TextMapGetter): Context {
    return withoutTenantBaggage(this.#inner.extract(ctx, carrier, getter));
  }

  fields(): string[] {
    return this.#inner.fields();
  }
}

/**
 * Headers for one outgoing request without instrumentation: `{ baggage: 'tenant_id=acme' }` when `url` lies with an own
 * host and there is a current tenant, else `{}`. Other members of the active baggage are not included.
 */
export function tenantBaggageFor(url: string | { readonly href: string }, hosts: OwnHosts): Record<string, string> {
  const none: Record<string, string> = {};
  return guarded(
    countInProcess,
    'hook_failed',
    () => {
      const tenant = tenantIn(context.active());
      const host = hostOf(typeof url === 'string' ? url : url.href);
      if (tenant === undefined || host === undefined || !hostTest(hosts)(host)) return none;
      return { baggage: `${TENANT_ATTRIBUTE}=${encodeURIComponent(tenant.tenantId)}` };
    },
    none,
  );
}

/** The value of `tenant_id` in a baggage header; '' when it is not clear or cannot be decoded. */
function tenantMember(header: string): string | undefined {
  const values = header
    .split(',')
    .map((member) => member.split(';', 1)[0]?.trim() ?? '')
    .filter((member) => member.slice(0, member.indexOf('=')).trim() === TENANT_ATTRIBUTE)
    .map((member) => member.slice(member.indexOf('=') + 1).trim());
  if (values.length === 0) return undefined;
  try {
    return values.length === 1 ? decodeURIComponent(values[0] ?? '') : '';
  } catch {
    return '';
  }
}

/** Options of `fromBaggage`. */
export interface BaggageSourceOptions {
  /** The operator's own services; what others claim is counted as `baggage_untrusted` and not believed. */
  readonly trusted: TrustedPeers;
}

/**
 * The tenant from `tenant_id` in the request's baggage, if it comes from one of the operator's own services.
 * @throws RangeError when an entry of `trusted` is no address or network
 */
export function fromBaggage(options: BaggageSourceOptions): TenantSource {
  const trusted = peerTest(options.trusted);
  return {
    name: 'baggage',
    find(request: SourceRequest, count) {
      const header = request.headers['baggage'];
      if (header === undefined) return undefined;
      const text = typeof header === 'string' ? header : header.join(',');
      const tenantId = text.length > MAX_BAGGAGE_LENGTH ? undefined : tenantMember(text);
      if (tenantId === undefined) return undefined;
      if (trusted(request)) return tenantId;
      count('baggage_untrusted');
      return undefined;
    },
  };
}
