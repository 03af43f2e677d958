/**
 * What travels over `GET /v1/flags/stream` (server-sent events) and `GET /v1/flags`. Written by the server's api,
 * read by every middleware; fields are only ever added.
 *
 *   event: snapshot   data: FlagSnapshot    on every connect, and every 30 s as a repair
 *   event: change     data: FlagChange      one per committed revision
 *   event: fleet      data: FlagFleet       when the number of the reader's sister instances changes
 *   : ping            every 15 s            a client that hears nothing for 45 s reconnects
 *
 * `ttl_ms` is the flag's remaining life when the event was written. Clients count it down on their own monotonic
 * clock: an app whose wall clock is wrong still drops the flag in time.
 *
 * A reader that names itself (`?service=&instance_id=`) is counted, and told how many instances of its service are live,
 * so that each can take its part of a limit that holds for all of them together.
 */
import type { ThrottleLimit, ThrottleScope } from './flags.ts';

/** Which requests of the tenant a throttle is about; what is left out narrows nothing. */
export interface WireScope {
  service?: string;
  route?: string;
  cost_class?: string;
}

/** `ThrottleLimit` as it stands in events. */
export interface WireLimit {
  requests_per_second: number;
  burst: number;
  max_concurrent?: number;
}

/** One flag as it stands in events of the stream. */
export interface WireFlag {
  /**
   * allow: no automatic throttle holds for the tenant; suspend: it is suspended or closed. Readers pass over kinds that
   * they do not know.
   */
  kind: 'throttle' | 'breaker' | 'degrade' | 'allow' | 'suspend';
  id: string;
  tenant_id: string;
  revision: number;
  ttl_ms: number;
  /** RFC 3339, server clock; for people. */
  expires_at: string;
  reason: string;
  mode?: 'enforce' | 'shadow';
  scope?: WireScope;
  limit?: WireLimit;
  /** Of a throttle: nobody set it by hand. */
  automatic?: boolean;
  /** Of an automatic throttle: first segments of routes that it does not hold for, lower case. */
  spared_routes?: string[];
  integration?: string;
  state?: 'auto' | 'open' | 'closed';
  feature?: string;
  step?: 'ok' | 'warn' | 'cached_only' | 'blocked';
  /** Of a suspension. */
  status?: 'suspended' | 'closed';
  /** refuse: every request; read_only: those that may change something. */
  effect?: 'refuse' | 'read_only';
  /** What the tenant's own people may be told. */
  reason_code?: 'payment' | 'abuse' | 'security' | 'request' | 'other';
}

export interface FlagSnapshot {
  revision: number;
  flags: WireFlag[];
  /** As in `FlagFleet`; absent for readers that did not name themselves. */
  instances?: number;
}

/** Live instances of the reader's service, itself among them; at least 1. */
export interface FlagFleet {
  instances: number;
}

export interface FlagChange {
  revision: number;
  upserts: WireFlag[];
  /** Ids of flags that were lifted before their time. */
  removals: string[];
}

/** Body of `POST /v1/flags/acks`: which revision this app instance obeys now. */
export interface FlagAck {
  instance_id: string;
  service: string;
  revision: number;
}

/** Only the members that are set: an absent one means "every". */
export function scopeToWire({ service, route, costClass }: ThrottleScope): WireScope {
  return {
    ...(service === undefined ? {} : { service }),
    ...(route === undefined ? {} : { route }),
    ...(costClass === undefined ? {} : { cost_class: costClass }),
  };
}

export function limitToWire({ requestsPerSecond, burst, maxConcurrent }: ThrottleLimit): WireLimit {
  return {
    requests_per_second: requestsPerSecond,
    burst,
    ...(maxConcurrent === undefined ? {} : { max_concurrent: maxConcurrent }),
  };
}
