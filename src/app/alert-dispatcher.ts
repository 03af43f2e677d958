import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { ALLOWANCES, AlertBudget } from '../control/alert-budget.ts';
import { type FailureReason, nextStep, type SendOutcome } from '../control/alert-retry.ts';
import { repeatAt } from '../control/alert-routing.ts';
import type { Alert, AlertChannel, AlertNotice, AlertRoute, OpenedRoute } from '../domain/alert.ts';
import { toError } from '../domain/errors.ts';
import type { AlertOutbox, NoticeResult } from '../store/postgres/alert-outbox.ts';
import type { AlertRouteStore } from '../store/postgres/alert-route-store.ts';
import type { Send } from './alert-senders/send.ts';
import { zoneOrUtc } from './spend-standing.ts';

/** Longer than one message can take, with room for the database's answers. */
const LEASE_SECONDS = 60;
const BURSTS = Object.fromEntries(Object.entries(ALLOWANCES).map(([channel, { burst }]) => [channel, burst]));

export interface AlertDispatcherOptions {
  readonly outbox: Pick<AlertOutbox, 'claim' | 'finishAll'>;
  readonly routes: Pick<AlertRouteStore, 'targetOf'>;
  readonly send: Send;
  readonly linkOf: (alert: Alert) => string;
  readonly log: Logger;
  /** Hears what came of every notice. */
  readonly onResult?: (result: DispatchResult) => void;
  /** Uniform in [0, 1). */
  readonly chance?: () => number;
  /** Unix ms; by it routes are told no more than they may be. */
  readonly now?: () => number;
}

export interface DispatchResult {
  readonly channel: AlertChannel;
  readonly kind: NoticeResult['kind'];
  /** Absent for what was sent. */
  readonly reason?: FailureReason;
}

export interface AlertDispatchFigures {
  readonly sent: number;
  readonly failed: number;
  readonly dead: number;
}

/** Notices of one message: they belong to one route, group and event. */
type Bundle = readonly [AlertNotice, ...AlertNotice[]];

/** Tells routes what the outbox holds. Runs on every server; the outbox gives each notice to one at a time. */
export class AlertDispatcher {
  readonly #options: AlertDispatcherOptions;
  readonly #budget = new AlertBudget();
  #figures: AlertDispatchFigures = { sent: 0, failed: 0, dead: 0 };

  constructor(options: AlertDispatcherOptions) {
    this.#options = options;
  }

  /** Since the start, in notices. */
  figures(): AlertDispatchFigures {
    return this.#figures;
  }

  /** Tells everything that is due and within its route's allowance. @returns how many notices were tried */
  async tick(): Promise<number> {
    const { outbox, routes, now: clock = Date.now } = this.#options;
    const allowance = { byRoute: this.#budget.left(clock()), byChannel: BURSTS };
    const { token, notices, now } = await outbox.claim(LEASE_SECONDS, allowance);
    await Promise.all(
      messagesByRoute(notices).map(async ([routeId, bundles]) => {
        const found = await routes.targetOf(routeId);
        // Deleted meanwhile, and its notices with it.
        if (found === undefined) return;
        this.#budget.spend(found.route, bundles.length, clock());
        await Promise.all(bundles.map((bundle) => this.#tell(bundle, found, token, now)));
      }),
    );
    return notices.length;
  }

  async #tell(bundle: Bundle, { route, target, problem }: OpenedRoute, token: string, now: number): Promise<void> {
    const { send, outbox, linkOf, log, chance = Math.random } = this.#options;
    const [{ event, messageKey }] = bundle;
    const answers = bundle.flatMap(({ firstMessageKey }) => firstMessageKey ?? []);
    const outcome: SendOutcome =
      target === undefined
        ? { kind: 'retry', reason: 'setup', detail: problem }
        : await send(target, {
            idempotencyKey: messageKey,
            answers: [...new Set(answers)],
            event,
            alerts: bundle.map(({ alert }) => alert),
            linkOf,
            now,
          }).catch((thrown: unknown): SendOutcome => {
            log.error({ err: toError(thrown), route: route.id }, 'an alert could not be put into a message');
            return { kind: 'refused', reason: 'message', detail: 'the message could not be made' };
          });
    // One wait for all of a message: what fails together is tried together, under the same idempotency key.
    const draw = chance();
    const finished = bundle.map((notice) => ({
      notice,
      noticeId: notice.id,
      result: resultOf(notice, route, outcome, { now, chance: draw }),
    }));
    await outbox.finishAll(token, finished);
    for (const { notice, result } of finished) {
      this.#count(result, notice, route);
      const reason = outcome.kind === 'sent' ? {} : { reason: outcome.reason };
      this.#options.onResult?.({ channel: route.channel, kind: result.kind, ...reason });
    }
  }

  #count(result: NoticeResult, notice: AlertNotice, route: AlertRoute): void {
    const { log } = this.#options;
    const { sent, failed, dead } = this.#figures;
    this.#figures = {
      sent: sent + (result.kind === 'sent' ? 1 : 0),
      failed: failed + (result.kind === 'sent' ? 0 : 1),
      dead: dead + (result.kind === 'dead' ? 1 : 0),
    };
    const about = { route: route.id, channel: route.channel, alert: notice.alert.id, attempts: notice.attempts };
    if (result.kind === 'sent') {
      if (result.shortfall !== undefined) log.warn(about, `an alert was not told to everybody: ${result.shortfall}`);
      return;
    }
    const text = `an alert was not told: ${result.error}`;
    if (result.kind === 'dead') log.error(about, `${text}; given up`);
    else log.warn(about, text);
  }
}

/** A message about nothing real, to show that a route works. */
export function testAlert(route: AlertRoute, now: number): Alert {
  return {
    ...{ id: randomUUID(), tenantId: '(all)', plan: null, kind: 'data_health', key: 'test', severity: 'info' },
    title: `Test of the alert route ${route.name}`,
    reason: 'Somebody asked for this message to see that the route works. Nothing has happened.',
    ...{ startedAt: now, endedAt: null, ackedAt: null, ackedBy: null, link: '/' },
  };
}

function resultOf(
  notice: AlertNotice,
  route: AlertRoute,
  outcome: SendOutcome,
  { now, chance }: { readonly now: number; readonly chance: number },
): NoticeResult {
  const step = nextStep(outcome, notice, { now, chance });
  const error = outcome.kind === 'sent' ? '' : outcome.detail;
  if (step.kind === 'dead') return { kind: 'dead', error };
  if (step.kind === 'again') return { kind: 'again', dueAt: step.dueAt, error };
  const again = notice.event === 'trigger' ? repeatAt(route, notice.alert, { zone: zoneOrUtc, now }) : null;
  const shortfall = outcome.kind === 'sent' && outcome.shortfall !== undefined ? { shortfall: outcome.shortfall } : {};
  return { kind: 'sent', repeatAt: again, ...shortfall };
}

function messagesByRoute(notices: readonly AlertNotice[]): (readonly [string, readonly Bundle[]])[] {
  const routes = new Map<string, Map<string, [AlertNotice, ...AlertNotice[]]>>();
  for (const notice of notices) {
    const messages = routes.get(notice.routeId) ?? new Map<string, [AlertNotice, ...AlertNotice[]]>();
    routes.set(notice.routeId, messages);
    const message = messages.get(notice.messageKey);
    if (message === undefined) messages.set(notice.messageKey, [notice]);
    else message.push(notice);
  }
  return [...routes].map(([routeId, messages]) => [routeId, [...messages.values()]] as const);
}
