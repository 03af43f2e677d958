import type { Logger } from 'pino';
import { planNotices } from '../control/alert-routing.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { Alert, AlertMute, AlertRoute, AlertRouteHealth, NewAlertMute, NewAlertRoute } from '../domain/alert.ts';
import { SECOND_MS } from '../domain/window.ts';
import { AlertMuteStore } from '../store/postgres/alert-mute-store.ts';
import { AlertOutbox } from '../store/postgres/alert-outbox.ts';
import { AlertRouteStore } from '../store/postgres/alert-route-store.ts';
import { standingSpendAlerts } from '../store/postgres/alert-spend.ts';
import { type AlertFilter, AlertStore, type NoticeState } from '../store/postgres/alert-store.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { AlertDispatcher, testAlert } from './alert-dispatcher.ts';
import { addressGuard } from './alert-senders/address-guard.ts';
import { type Send, sender } from './alert-senders/send.ts';
import { AlertSources, type AlertSourcesOptions } from './alert-sources.ts';
import { PostgresLeadership } from './leadership.ts';
import { runEvery } from './schedule.ts';
import { zoneOrUtc } from './spend-standing.ts';

const LOOK_EVERY_MS = 3 * SECOND_MS;
const TELL_EVERY_MS = SECOND_MS;
const NO_HEALTH: AlertRouteHealth = {
  ...{ waiting: 0, dead: 0, lastSentAt: null, lastFailedAt: null, lastError: null },
};

/** What people do with alerts, routes and mutes. */
export class AlertDesk {
  readonly #alerts: AlertStore;
  readonly #routes: AlertRouteStore;
  readonly #mutes: AlertMuteStore;
  readonly #send: Send;
  readonly #linkOf: (alert: Alert) => string;

  constructor(
    stores: { readonly alerts: AlertStore; readonly routes: AlertRouteStore; readonly mutes: AlertMuteStore },
    send: Send,
    linkOf: (alert: Alert) => string,
  ) {
    this.#alerts = stores.alerts;
    this.#routes = stores.routes;
    this.#mutes = stores.mutes;
    this.#send = send;
    this.#linkOf = linkOf;
  }

  async list(
    actor: StaffActor,
    filter: AlertFilter,
  ): Promise<readonly (Alert & { readonly notices: readonly NoticeState[] })[]> {
    const alerts = await this.#alerts.list(actor, filter);
    const notices = await this.#alerts.notices(
      actor,
      alerts.map(({ id }) => id),
    );
    return alerts.map((alert) => ({ ...alert, notices: notices.filter(({ alertId }) => alertId === alert.id) }));
  }

  acknowledge(actor: StaffActor, id: string): Promise<Alert | undefined> {
    return this.#alerts.acknowledge(actor, id);
  }

  async routes(actor: StaffActor): Promise<readonly (AlertRoute & { readonly health: AlertRouteHealth })[]> {
    const health = await this.#routes.health(actor);
    return (await this.#routes.list(actor)).map((route) => ({ ...route, health: health.get(route.id) ?? NO_HEALTH }));
  }

  async createRoute(
    actor: StaffActor,
    route: NewAlertRoute,
  ): Promise<AlertRoute & { readonly health: AlertRouteHealth }> {
    return { ...(await this.#routes.create(actor, route)), health: NO_HEALTH };
  }

  removeRoute(actor: StaffActor, id: string): Promise<boolean> {
    return this.#routes.remove(actor, id);
  }

  /** Sends a message about nothing real at once. Undefined if there is no such route. `now`: Unix ms. */
  async testRoute(id: string, now: number): Promise<{ readonly sent: boolean; readonly detail: string } | undefined> {
    const found = await this.#routes.targetOf(id);
    if (found === undefined) return undefined;
    const alert = testAlert(found.route, now);
    const delivery = { idempotencyKey: `msg_${alert.id}`, alerts: [alert], linkOf: this.#linkOf, now };
    const outcome = await this.#send(found.target, { ...delivery, event: 'trigger' });
    if (outcome.kind !== 'sent') return { sent: false, detail: outcome.detail };
    // What was opened for the test is closed again; chats are spared the second message.
    if (found.target.channel === 'pagerduty' || found.target.channel === 'alertmanager') {
      await this.#send(found.target, { ...delivery, event: 'resolve' });
    }
    return { sent: true, detail: 'the receiver took it' };
  }

  mutes(actor: StaffActor): Promise<readonly AlertMute[]> {
    return this.#mutes.list(actor);
  }

  mute(actor: StaffActor, mute: NewAlertMute): Promise<AlertMute> {
    return this.#mutes.create(actor, mute);
  }

  unmute(actor: StaffActor, id: string): Promise<boolean> {
    return this.#mutes.remove(actor, id);
  }
}

export interface AlertingOptions
  extends Pick<AlertSourcesOptions, 'findings' | 'throttles' | 'breakers' | 'detector' | 'page'> {
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  /** Where people reach the pages, without a slash at the end. */
  readonly publicUrl: () => string;
  /** Ranges of the operator's own that messages may go to. */
  readonly allowRanges: readonly string[];
  readonly log: Logger;
}

/** Everything about alerts: what watches, what tells, and the desk where people answer. */
export function startAlerting(options: AlertingOptions): {
  readonly desk: AlertDesk;
  readonly dispatcher: AlertDispatcher;
  /** No further run is begun; resolves when those under way have ended. */
  stop(): Promise<void>;
} {
  const { postgres, postgresUrl, publicUrl, allowRanges, log } = options;
  const alerts = alertStore(postgres);
  const routes = new AlertRouteStore(postgres);
  const send = sender({ guard: addressGuard(allowRanges) });
  const linkOf = ({ link }: Alert) => `${publicUrl()}${link}`;
  const dispatcher = new AlertDispatcher({ outbox: new AlertOutbox(postgres), routes, send, linkOf, log });
  const leadership = new PostgresLeadership(postgresUrl, 'alerts');
  const sources = new AlertSources({ ...options, leadership, alerts, spend: () => standingSpendAlerts(postgres) });
  const schedules = [
    runEvery(LOOK_EVERY_MS, 'alert-sources', log, () => sources.tick()),
    runEvery(TELL_EVERY_MS, 'alert-dispatcher', log, async () => {
      await dispatcher.tick();
    }),
  ];
  return {
    desk: new AlertDesk({ alerts, routes, mutes: new AlertMuteStore(postgres) }, send, linkOf),
    dispatcher,
    stop: async () => {
      await Promise.all(schedules.map((schedule) => schedule.stop()));
      await leadership.release();
    },
  };
}

/** Alerts whose notices follow the routes. */
export function alertStore(postgres: Postgres): AlertStore {
  return new AlertStore(postgres, (alert, routes, context) =>
    planNotices(alert, routes, { ...context, zone: zoneOrUtc }),
  );
}
