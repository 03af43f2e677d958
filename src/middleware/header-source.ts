import { peerTest, type TrustedPeers } from './peer-trust.ts';
import type { SourceRequest, TenantSource } from './tenant-source.ts';

/** Options of `fromHeader`. */
export interface HeaderSourceOptions {
  /**
   * The proxies whose header is believed. From anybody else the header counts as an attempt (`header_untrusted`).
   * Default: everybody, which is right only if nothing but the proxy can reach the app.
   */
  readonly trusted?: TrustedPeers;
  /** Headers in which the same proxy gives the tenant's plan and the user's id. Default: none. */
  readonly planHeader?: string;
  readonly userHeader?: string;
}

// Node joins a header that came twice with a comma, which no id holds; arrays come from other servers.
function single(request: SourceRequest, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const value = request.headers[name];
  return typeof value === 'string' || value === undefined ? value : value.join(', ');
}

/**
 * The tenant from a header that a proxy in front of the app sets.
 * @throws RangeError when an entry of `trusted` is no address or network
 */
export function fromHeader(name: string, options: HeaderSourceOptions = {}): TenantSource {
  const key = name.toLowerCase();
  const planKey = options.planHeader?.toLowerCase();
  const userKey = options.userHeader?.toLowerCase();
  const trusted = options.trusted === undefined ? () => true : peerTest(options.trusted);
  return {
    name: 'header',
    find(request, count) {
      const tenantId = single(request, key);
      if (tenantId === undefined) return undefined;
      if (!trusted(request)) {
        count('header_untrusted');
        return undefined;
      }
      const plan = single(request, planKey);
      const userId = single(request, userKey);
      return {
        tenantId,
        ...(plan === undefined ? {} : { plan }),
        ...(userId === undefined ? {} : { userId }),
      };
    },
  };
}
