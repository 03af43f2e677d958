/** Words of alerting: what people are told of, by which route, and when they want to be left alone. */
import type { TenantId } from './tenant-id.ts';

export const ALERT_KINDS = [
  'finding',
  'throttle',
  'spend_threshold',
  'breaker_flapping',
  'page',
  'data_health',
  'self_check',
] as const;
export type AlertKind = (typeof ALERT_KINDS)[number];

/** From mild to grave. */
export const ALERT_SEVERITIES = ['info', 'warning', 'critical'] as const;
export type AlertSeverity = (typeof ALERT_SEVERITIES)[number];

export const ALERT_CHANNELS = ['slack', 'pagerduty', 'alertmanager', 'webhook', 'email'] as const;
export type AlertChannel = (typeof ALERT_CHANNELS)[number];

/** Something that is so now and that people should know; the same key for as long as it is the same thing. */
export interface AlertCondition {
  /** A tenant id, or `(all)` for what is about no tenant in particular. */
  readonly tenantId: string;
  readonly key: string;
  readonly kind: AlertKind;
  readonly severity: AlertSeverity;
  readonly title: string;
  /** One sentence with the numbers. */
  readonly reason: string;
  /** Unix ms. */
  readonly startedAt: number;
  /** Path and query of the page that explains it. */
  readonly link: string;
}

/** An alert with its whole life. Times are Unix milliseconds. */
export interface Alert extends AlertCondition {
  readonly id: string;
  /** The tenant's plan when the alert was raised. */
  readonly plan: string | null;
  readonly endedAt: number | null;
  readonly ackedAt: number | null;
  readonly ackedBy: string | null;
}

/** Which alerts a route takes: those that fit every list that is not empty. */
export interface AlertMatch {
  readonly tenants: readonly string[];
  readonly plans: readonly string[];
  readonly kinds: readonly AlertKind[];
  readonly minSeverity: AlertSeverity;
}

/** When a route is silent; minutes of the local day, half open, over midnight when `from` is the later one. */
export interface QuietHours {
  /** IANA name. */
  readonly timeZone: string;
  readonly from: number;
  readonly to: number;
  /** Days on which quiet hours begin, 0 is Sunday. */
  readonly days: readonly number[];
  /** Alerts from this severity on are told all the same; null: none. */
  readonly exceptFrom: AlertSeverity | null;
}

export const GROUP_FIELDS = ['tenant', 'plan', 'kind', 'severity'] as const;
export type GroupField = (typeof GROUP_FIELDS)[number];

/** How a route tells. Everything but the target, which is a secret. */
export interface AlertRouteTerms {
  readonly name: string;
  readonly match: AlertMatch;
  /** Alerts that agree in these fields are told together; empty: all of them. */
  readonly groupBy: readonly GroupField[];
  /** How long the first alert of a group waits for company. */
  readonly groupWaitSeconds: number;
  /** Least time between two messages of one group. */
  readonly groupIntervalSeconds: number;
  /** Tells again while the alert is neither acknowledged nor over; null: once. */
  readonly repeatSeconds: number | null;
  /** Also tells this route when nobody has acknowledged in time. */
  readonly escalation: { readonly afterSeconds: number; readonly routeId: string } | null;
  readonly quietHours: QuietHours | null;
}

/** Where a route leads, by channel. Whole of it is a secret: whoever has it can post in our name. */
export type AlertTarget =
  | { readonly channel: 'slack'; readonly url: string }
  | { readonly channel: 'pagerduty'; readonly routingKey: string; readonly region: 'us' | 'eu' }
  | { readonly channel: 'alertmanager'; readonly url: string; readonly authorization: string | null }
  | { readonly channel: 'webhook'; readonly url: string; readonly signingSecret: string }
  /** By the mail server of the settings. */
  | { readonly channel: 'email'; readonly to: readonly string[] };

export interface NewAlertRoute extends AlertRouteTerms {
  readonly target: AlertTarget;
}

export interface AlertRoute extends AlertRouteTerms {
  readonly id: string;
  readonly channel: AlertChannel;
  readonly createdBy: string;
  readonly createdAt: number;
}

/** Where a route leads, or why nobody can tell: then nothing goes by it until somebody mends that. */
export type OpenedRoute =
  | { readonly route: AlertRoute; readonly target: AlertTarget; readonly problem?: never }
  | { readonly route: AlertRoute; readonly target?: never; readonly problem: string };

/** What became of a route's notices; times are Unix ms. */
export interface AlertRouteHealth {
  readonly waiting: number;
  /** Given up within the last day. */
  readonly dead: number;
  readonly lastSentAt: number | null;
  readonly lastFailedAt: number | null;
  /** Without any part of the target. */
  readonly lastError: string | null;
  /** Why nothing can go by this route at all, and what to do; null: nothing is known against it. */
  readonly problem: string | null;
}

export interface AlertMute {
  readonly id: string;
  readonly tenantId: string;
  /** null: alerts of every kind. */
  readonly kind: AlertKind | null;
  readonly reason: string;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface NewAlertMute {
  readonly tenantId: TenantId;
  readonly kind: AlertKind | null;
  readonly reason: string;
  readonly expiresInSeconds: number;
}

/** What is told of an alert, in this order. */
export const ALERT_EVENTS = ['trigger', 'acknowledge', 'resolve'] as const;
export type AlertEvent = (typeof ALERT_EVENTS)[number];

/** One event of one alert on its way to one route. */
export interface AlertNotice {
  readonly id: string;
  readonly routeId: string;
  readonly groupKey: string;
  readonly event: AlertEvent;
  /** How often it was tried, this time included. */
  readonly attempts: number;
  /** Since when it may be told, Unix ms. */
  readonly firstDueAt: number;
  /** Notices with the same key are one message, in every attempt; the key of what was told before is never used again. */
  readonly messageKey: string;
  /** The message that told of this alert first; null: none has yet. */
  readonly firstMessageKey: string | null;
  readonly alert: Alert;
}

export function severityRank(severity: AlertSeverity): number {
  return ALERT_SEVERITIES.indexOf(severity);
}
