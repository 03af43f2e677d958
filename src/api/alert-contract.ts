/** Wire types of `/v1/alerts`, `/v1/alert-routes` and `/v1/mutes`; part of `contract.ts`. */
type AlertKindName =
  | 'finding'
  | 'throttle'
  | 'spend_threshold'
  | 'breaker_flapping'
  | 'page'
  | 'data_health'
  | 'self_check';
type AlertSeverityName = 'info' | 'warning' | 'critical';

export interface AlertItem {
  id: string;
  kind: AlertKindName;
  severity: AlertSeverityName;
  /** `(all)`: about no tenant in particular. */
  tenant_id: string;
  plan: string | null;
  title: string;
  reason: string;
  status: 'open' | 'acknowledged' | 'ended';
  started_at: string;
  ended_at: string | null;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
  /** Path and query of the page that explains it. */
  link: string;
  /** What was, or will be, told to which route. */
  notices: {
    route_id: string;
    event: 'trigger' | 'acknowledge' | 'resolve';
    state: 'waiting' | 'sent' | 'dead' | 'cancelled';
    attempts: number;
    due_at: string;
    told_at: string | null;
    error: string | null;
  }[];
}

export interface AlertList {
  items: AlertItem[];
}

export interface AlertRouteItem {
  id: string;
  name: string;
  /** Where it leads within the channel is a secret and never shown. */
  channel: 'slack' | 'pagerduty' | 'alertmanager' | 'webhook' | 'email';
  match: {
    tenants: string[];
    plans: string[];
    kinds: AlertKindName[];
    min_severity: AlertSeverityName;
  };
  group_by: ('tenant' | 'plan' | 'kind' | 'severity')[];
  group_wait_seconds: number;
  group_interval_seconds: number;
  repeat_seconds: number | null;
  escalation: { after_seconds: number; route_id: string } | null;
  quiet_hours: {
    time_zone: string;
    /** HH:MM on the zone's clock; over midnight when `from` is the later one. */
    from: string;
    to: string;
    /** Days on which they begin, 0 is Sunday. */
    days: number[];
    except_from: AlertSeverityName | null;
  } | null;
  created_by: string;
  created_at: string;
  health: {
    waiting: number;
    /** Given up within the last day. */
    dead: number;
    last_sent_at: string | null;
    last_failed_at: string | null;
    last_error: string | null;
    /** Why nothing can go by this route at all, and what to do. */
    problem: string | null;
  };
}

export interface AlertRouteList {
  items: AlertRouteItem[];
}

export interface AlertRouteTestResult {
  sent: boolean;
  detail: string;
}

export interface MuteItem {
  id: string;
  tenant_id: string;
  /** null: every kind. */
  kind: AlertKindName | null;
  reason: string;
  created_by: string;
  created_at: string;
  expires_at: string;
}

export interface MuteList {
  items: MuteItem[];
}

export interface NewMute {
  tenant_id: string;
  kind?: AlertKindName;
  expires_in_seconds: number;
  reason: string;
}
