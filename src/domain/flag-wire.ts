/**
 * What travels over `GET /v1/flags/stream` (server-sent events) and `GET /v1/flags`. Written by the server's api,
 * read by every middleware; fields are only ever added.
 *
 *   event: snapshot   data: FlagSnapshot    on every connect, and every 30 s as a repair
 *   event: change     data: FlagChange      one per committed revision
 *   : ping            every 15 s            a client that hears nothing for 45 s reconnects
 *
 * `ttl_ms` is the flag's remaining life when the event was written. Clients count it down on their own monotonic
 * clock: an app whose wall clock is wrong still drops the flag in time.
 */
export interface WireFlag {
  kind: 'throttle' | 'breaker' | 'degrade';
  id: string;
  tenant_id: string;
  revision: number;
  ttl_ms: number;
  /** RFC 3339, server clock; for people. */
  expires_at: string;
  reason: string;
  mode?: 'enforce' | 'shadow';
  scope?: { service?: string; route?: string };
  limit?: { requests_per_second: number; burst: number };
  integration?: string;
  state?: 'auto' | 'open' | 'closed';
  feature?: string;
  step?: 'ok' | 'warn' | 'cached_only' | 'blocked';
}

export interface FlagSnapshot {
  revision: number;
  flags: WireFlag[];
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
