import type { CounterName } from './counters.ts';
import type { Tenant, TenantSourceName } from './tenant.ts';
import { makeTenant } from './tenant.ts';

/** What a source may look at. */
export interface SourceRequest {
  /** Header names in lower case, as Node gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Path and query as received. */
  readonly url: string;
  /** The framework's own request object (FastifyRequest, IncomingMessage). */
  readonly request: unknown;
  /** Address of the other end of the connection: the client, or the proxy in front. */
  readonly peerAddress?: () => string | undefined;
}

/** An id, or an id with the tenant's plan and user. */
export type FoundTenant = string | { readonly tenantId: string; readonly plan?: string; readonly userId?: string };

/** What a source found; undefined: it says nothing, and the next is asked. */
export type Found = FoundTenant | undefined;

/** One way of telling a request's tenant. May throw or reject: the next source is tried then. */
export interface TenantSource {
  readonly name: TenantSourceName;
  /** `count` adds to the middleware's counters: `header_untrusted`, say, where a claim is not believed. */
  find(request: SourceRequest, count: (name: CounterName) => void): Found | Promise<Found>;
}

/** Options of `fromSubdomain`. */
export interface SubdomainOptions {
  /** `example.com`: then `acme.example.com` is tenant `acme`. */
  readonly baseDomain: string;
  /** Names that are no tenants. Default: `www`. */
  readonly reserved?: readonly string[];
}

/** The tenant from the one label in front of the base domain, in lower case (host names have no case). */
export function fromSubdomain(options: SubdomainOptions): TenantSource {
  const suffix = `.${options.baseDomain.toLowerCase()}`;
  const reserved = new Set((options.reserved ?? ['www']).map((label) => label.toLowerCase()));
  return {
    name: 'subdomain',
    find(request) {
      const host = String(request.headers['host'] ?? '')
        .toLowerCase()
        .replace(/:\d*$/, '')
        .replace(/\.$/, '');
      if (!host.endsWith(suffix)) return undefined;
      const label = host.slice(0, -suffix.length);
      return label === '' || label.includes('.') || reserved.has(label) ? undefined : label;
    },
  };
}

/** A segment that cannot be decoded is a malformed id, which the caller's words alone can bring about: no failure. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return '';
  }
}

/**
 * The tenant from a path segment: `/t/:tenant/*` takes the second segment of every path below `/t`. `*` at the end
 * stands for any rest; other segments must be equal.
 * @throws RangeError when the pattern has no `:tenant` segment
 */
export function fromPath(pattern: string): TenantSource {
  const parts = pattern.split('/').filter((part) => part !== '');
  const position = parts.indexOf(':tenant');
  if (position === -1) throw new RangeError(`The pattern ${pattern} has no segment ":tenant"`);
  const open = parts.at(-1) === '*';
  const fixed = open ? parts.slice(0, -1) : parts;
  const matches = (segments: readonly string[]) =>
    (open ? segments.length >= fixed.length : segments.length === fixed.length) &&
    fixed.every((part, index) => part.startsWith(':') || part === segments[index]);
  return {
    name: 'path',
    find(request) {
      const segments = request.url
        .replace(/[?#].*$/s, '')
        .split('/')
        .filter((part) => part !== '');
      const segment = segments[position];
      return segment !== undefined && matches(segments) ? decoded(segment) : undefined;
    },
  };
}

/** The tenant from the app's own function: a session, a lookup by domain. Spans it starts are marked afterwards. */
export function fromResolver(resolve: (request: SourceRequest) => Found | null | Promise<Found | null>): TenantSource {
  return {
    name: 'resolver',
    find(request) {
      const found = resolve(request);
      return found instanceof Promise ? found.then((value) => value ?? undefined) : (found ?? undefined);
    },
  };
}

function toTenant(found: Found, source: TenantSourceName, count: (name: CounterName) => void): Tenant | undefined {
  if (found === undefined) return undefined;
  const details = typeof found === 'string' ? { tenantId: found } : found;
  const tenant = makeTenant(details.tenantId, source, details);
  if (tenant === undefined) count('tenant_malformed');
  return tenant;
}

/**
 * Asks the sources in the order given; the first well-formed id wins. Synchronous as long as the sources are: a
 * request whose tenant stands in a header must not wait for a turn of the event loop.
 */
export function findTenant(
  sources: readonly TenantSource[],
  request: SourceRequest,
  count: (name: CounterName) => void,
  from = 0,
): Tenant | undefined | Promise<Tenant | undefined> {
  for (let index = from; index < sources.length; index++) {
    const source = sources[index];
    if (source === undefined) continue;
    try {
      const found = source.find(request, count);
      if (found instanceof Promise) return continueAfter(found, source, sources, request, count, index + 1);
      const tenant = toTenant(found, source.name, count);
      if (tenant !== undefined) return tenant;
    } catch {
      count('tenant_source_failed');
    }
  }
  return undefined;
}

async function continueAfter(
  found: Promise<Found>,
  source: TenantSource,
  sources: readonly TenantSource[],
  request: SourceRequest,
  count: (name: CounterName) => void,
  next: number,
): Promise<Tenant | undefined> {
  try {
    const tenant = toTenant(await found, source.name, count);
    if (tenant !== undefined) return tenant;
  } catch {
    count('tenant_source_failed');
  }
  return findTenant(sources, request, count, next);
}
