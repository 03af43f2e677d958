import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../config/config.ts';
import { planNotices } from '../control/alert-routing.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { Alert, AlertMute, AlertRoute, AlertRouteHealth, NewAlertMute, NewAlertRoute } from '../domain/alert.ts';
import { SECOND_MS } from '../domain/window.ts';
import { AlertMuteStore } from '../store/postgres/alert-mute-store.ts';
import { AlertOutbox } from '../store/postgres/alert-outbox.ts';
import { AlertRouteStore } from '../store/postgres/alert-route-store.ts';
import { standingSpendAlerts } from '../store/postgres/alert-spend.ts';
import { type AlertFilter, AlertStore, type NoticeState } from '../store/postgres/alert-store.ts';
import { TenantStateStore } from '../store/postgres/lifecycle-state.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { ReportScheduleStore } from '../store/postgres/report-schedule-store.ts';
import { AlertDispatcher, testAlert } from './alert-dispatcher.ts';
import { AlertMetrics } from './alert-metrics.ts';
import { addressGuard } from './alert-senders/address-guard.ts';
import { channelProblem, type Send, sender } from './alert-senders/send.ts';
import { emailSender, mailServerOf } from './alert-senders/smtp.ts';
import { AlertSources, type AlertSourcesOptions } from './alert-sources.ts';
import { alertVault } from './alert-vault.ts';
import { PostgresLeadership } from './leadership.ts';
import { reportVault } from './report-vault.ts';
import { runEvery } from './schedule.ts';
import { dropOldSecretsKeys, type SecretsKeys, secretsKeys } from './secrets-keys.ts';
import { zoneOrUtc } from './spend-standing.ts';

const LOOK_EVERY_MS = 3 * SECOND_MS;
const TELL_EVERY_MS = SECOND_MS;
const NO_HEALTH: AlertRouteHealth = {
  ...{ waiting: 0, dead: 0, lastSentAt: null, lastFailedAt: null, lastError: null, problem: null },
};

/** What people do with alerts, routes and mutes. */
export class AlertDesk {
  readonly #alerts: AlertStore;
  readonly #routes: AlertRouteStore;
  readonly #mutes: AlertMuteStore;
  readonly #send: Send;
  readonly #linkOf: (alert: Alert) => string;
  readonly #hasMailServer: boolean;

  constructor(
    stores: { readonly alerts: AlertStore; readonly routes: AlertRouteStore; readonly mutes: AlertMuteStore },
    telling: { readonly send: Send; readonly linkOf: (alert: Alert) => string; readonly hasMailServer: boolean },
  ) {
    this.#alerts = stores.alerts;
    this.#routes = stores.routes;
    this.#mutes = stores.mutes;
    this.#send = telling.send;
    this.#linkOf = telling.linkOf;
    this.#hasMailServer = telling.hasMailServer;
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
    return (await this.#routes.list(actor)).map((route) => this.#withHealth(route, health.get(route.id)));
  }

  async createRoute(
    actor: StaffActor,
    route: NewAlertRoute,
  ): Promise<AlertRoute & { readonly health: AlertRouteHealth }> {
    return this.#withHealth(await this.#routes.create(actor, route), NO_HEALTH);
  }

  removeRoute(actor: StaffActor, id: string): Promise<boolean> {
    return this.#routes.remove(actor, id);
  }

  /** Sends a message about nothing real at once. Undefined if there is no such route. `now`: Unix ms. */
  async testRoute(id: string, now: number): Promise<{ readonly sent: boolean; readonly detail: string } | undefined> {
    const found = await this.#routes.targetOf(id);
    if (found === undefined) return undefined;
    const alert = testAlert(found.route, now);
    if (found.target === undefined) return { sent: false, detail: found.problem };
    const delivery = { idempotencyKey: `msg_${alert.id}`, answers: [], alerts: [alert], linkOf: this.#linkOf, now };
    const outcome = await this.#send(found.target, { ...delivery, event: 'trigger' });
    if (outcome.kind !== 'sent') return { sent: false, detail: outcome.detail };
    // What was opened for the test is closed again; chats are spared the second message.
    if (found.target.channel === 'pagerduty' || found.target.channel === 'alertmanager') {
      await this.#send(found.target, { ...delivery, event: 'resolve' });
    }
    return { sent: true, detail: outcome.shortfall ?? 'the receiver took it' };
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

  #withHealth(
    route: AlertRoute,
    health: AlertRouteHealth = NO_HEALTH,
  ): AlertRoute & { readonly health: AlertRouteHealth } {
    const problem = health.problem ?? channelProblem(route.channel, this.#hasMailServer);
    return { ...route, health: { ...health, problem } };
  }
}

export interface AlertingOptions
  extends Pick<
    AlertSourcesOptions,
    'findings' | 'throttles' | 'breakers' | 'detector' | 'page' | 'approvals' | 'selfCheck'
  > {
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly config: Config;
  /** Where the API listens, for the links when no other address is set. */
  readonly ownUrl: () => string;
  readonly registry: Registry;
  readonly log: Logger;
}

/** Everything about alerts: what watches, what tells, and the desk where people answer. */
export function startAlerting(options: AlertingOptions): {
  readonly desk: AlertDesk;
  readonly dispatcher: AlertDispatcher;
  /** No further run is begun; resolves when those under way have ended. */
  stop(): Promise<void>;
} {
  const { postgres, postgresUrl, config, ownUrl, registry, log } = options;
  const keys = secretsKeys(config);
  const alerts = alertStore(postgres);
  const routes = new AlertRouteStore(postgres, alertVault(keys));
  const outbox = new AlertOutbox(postgres);
  const mailServer = mailServerOf(config);
  const email = mailServer === undefined ? undefined : emailSender(mailServer);
  const send = sender({ guard: addressGuard(config.TENANTRY_ALERT_ALLOW_RANGES), email });
  const linkOf = ({ link }: Alert) => `${config.TENANTRY_PUBLIC_URL?.replace(/\/+$/, '') ?? ownUrl()}${link}`;
  const metrics = new AlertMetrics(registry, () => outbox.depth());
  const onResult = metrics.count.bind(metrics);
  const dispatcher = new AlertDispatcher({ outbox, routes, send, linkOf, log, onResult });
  const leadership = new PostgresLeadership(postgresUrl, 'alerts');
  const sources = new AlertSources({
    ...{ ...options, leadership, alerts, spend: () => standingSpendAlerts(postgres) },
    closedTenants: () => new TenantStateStore(postgres).closed(),
  });
  const reports = new ReportScheduleStore(postgres, reportVault(alertVault(keys)));
  const sealing = sealOnce({ routes, reports }, config, keys, log);
  const schedules = [
    runEvery(LOOK_EVERY_MS, 'alert-sources', log, () => sources.tick()),
    runEvery(TELL_EVERY_MS, 'alert-dispatcher', log, async () => {
      await sealing();
      await dispatcher.tick();
    }),
  ];
  const telling = { send, linkOf, hasMailServer: mailServer !== undefined };
  return {
    desk: new AlertDesk({ alerts, routes, mutes: new AlertMuteStore(postgres) }, telling),
    dispatcher,
    stop: async () => {
      await Promise.all(schedules.map((schedule) => schedule.stop()));
      await leadership.release();
    },
  };
}

/**
 * Seals what is open, or sealed under an older key, once; until it has succeeded every call tries. Everything that is
 * sealed under these keys, as older ones go when nothing needs them any more.
 */
function sealOnce(
  { routes, reports }: { readonly routes: AlertRouteStore; readonly reports: ReportScheduleStore },
  config: Config,
  keys: SecretsKeys,
  log: Logger,
): () => Promise<void> {
  let isDone = false;
  return async () => {
    if (isDone) return;
    const ofRoutes = await routes.sealAll();
    const ofReports = await reports.sealAll();
    isDone = true;
    if (ofRoutes.sealed + ofReports.sealed > 0) {
      const sealed = { routes: ofRoutes.sealed, reports: ofReports.sealed };
      log.info({ ...sealed, key: keys.current.id }, 'targets of alert routes and reports were sealed');
    }
    const unreadable = { routes: ofRoutes.unreadable, reports: ofReports.unreadable };
    if (unreadable.routes.length + unreadable.reports.length === 0) dropOldSecretsKeys(config, keys);
    else log.error(unreadable, 'targets cannot be read; see GET /v1/alert-routes and /v1/report-schedules');
  };
}

/** Alerts whose notices follow the routes. */
export function alertStore(postgres: Postgres): AlertStore {
  return new AlertStore(postgres, (alert, routes, context) =>
    planNotices(alert, routes, { ...context, zone: zoneOrUtc }),
  );
}
