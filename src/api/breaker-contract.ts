/** Wire types of `/v1/breakers`; part of `contract.ts`. */
export interface BreakerOrderItem {
  id: string;
  tenant_id: string;
  integration: string;
  state: 'auto' | 'open' | 'closed';
  reason: string;
  created_by: string;
  created_at: string;
  expires_at: string;
  status: 'active' | 'expired' | 'lifted';
  ended_at: string | null;
  revision: number;
}

export interface BreakerItem {
  /** `(all)`: the breaker of the whole integration; staff only. */
  tenant_id: string;
  integration: string;
  /** What it does: an order in force, else the worst that an app instance reports. */
  state: 'closed' | 'open' | 'half_open';
  /** App instances by the state they report; null for tenant roles: instances are the operator's. */
  instances: { closed: number; open: number; half_open: number } | null;
  /** Empty for tenant roles. */
  services: string[];
  /** Since when the first instance reports the worst state; null: none reports. */
  since: string | null;
  /** Calls in the window before that change, and those of them that failed; over the instances in that state. */
  calls: number;
  failures: number;
  /** A class such as ECONNREFUSED or http_503, never a message; null for tenant roles. */
  last_error: string | null;
  reported_at: string | null;
  order: BreakerOrderItem | null;
  /** It opens and closes over and over; null for tenant roles. */
  flapping: {
    instances: number;
    openings: number;
    window_seconds: number;
    since: string;
    reason: string;
    /** The order that would end it: POST it to /v1/breakers/orders. */
    offer: { state: 'open'; expires_in_seconds: number };
  } | null;
}

export interface BreakerList {
  items: BreakerItem[];
  /** Breakers that match; more than there are items when the limit cut some off. */
  total: number;
}

export interface NewBreakerOrder {
  tenant_id: string;
  integration: string;
  state: 'auto' | 'open' | 'closed';
  expires_in_seconds: number;
  reason: string;
}

/** Answer to a report. */
export interface BreakerReceipt {
  accepted: number;
  /** Breakers of tenants that the key may not speak for. */
  refused: number;
}
