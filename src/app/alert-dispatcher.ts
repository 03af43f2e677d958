import { createHash, randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { nextStep, type SendOutcome } from '../control/alert-retry.ts';
import { repeatAt } from '../control/alert-routing.ts';
import type { Alert, AlertNotice, AlertRoute, AlertTarget } from '../domain/alert.ts';
import { toError } from '../domain/errors.ts';
import type { AlertOutbox, NoticeResult } from '../store/postgres/alert-outbox.ts';
import type { AlertRouteStore } from '../store/postgres/alert-route-store.ts';
import { type Send, takesOneByOne } from './alert-senders/send.ts';
import { zoneOrUtc } from './spend-standing.ts';

/** Longer than one message can take, with room for the database's answers. */
const LEASE_SECONDS = 60;

export interface AlertDispatcherOptions {
  readonly outbox: Pick<AlertOutbox, 'claim' | 'finish'>;
  readonly routes: Pick<AlertRouteStore, 'targetOf'>;
  readonly send: Send;
  readonly linkOf: (alert: Alert) => string;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly chance?: () => number;
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
  #figures: AlertDispatchFigures = { sent: 0, failed: 0, dead: 0 };

  constructor(options: AlertDispatcherOptions) {
    this.#options = options;
  }

  /** Since the start, in notices. */
  figures(): AlertDispatchFigures {
    return this.#figures;
  }

  /** Tells everything that is due. @returns how many notices were tried */
  async tick(): Promise<number> {
    const { token, notices, now } = await this.#options.outbox.claim(LEASE_SECONDS);
    await Promise.all(
      bundlesByRoute(notices).map(async ([routeId, bundles]) => {
        const found = await this.#options.routes.targetOf(routeId);
        // Deleted meanwhile, and its notices with it.
        if (found === undefined) return;
        const split = takesOneByOne(found.target.channel) ? bundles.flat().map((one): Bundle => [one]) : bundles;
        await Promise.all(split.map((bundle) => this.#tell(bundle, found, token, now)));
      }),
    );
    return notices.length;
  }

  async #tell(
    bundle: Bundle,
    { route, target }: { readonly route: AlertRoute; readonly target: AlertTarget },
    token: string,
    now: number,
  ): Promise<void> {
    const { send, outbox, linkOf, log, chance = Math.random } = this.#options;
    const [{ event }] = bundle;
    const outcome = await send(target, {
      idempotencyKey: idempotencyKeyOf(bundle),
      event,
      alerts: bundle.map(({ alert }) => alert),
      linkOf,
      now,
    }).catch((thrown: unknown): SendOutcome => {
      log.error({ err: toError(thrown), route: route.id }, 'an alert could not be put into a message');
      return { kind: 'refused', detail: 'the message could not be made' };
    });
    // One wait for all of a message: what fails together is tried together, under the same idempotency key.
    const draw = chance();
    for (const notice of bundle) {
      const result = resultOf(notice, route, outcome, { now, chance: draw });
      await outbox.finish(token, notice.id, result);
      this.#count(result, notice, route);
    }
  }

  #count(result: NoticeResult, notice: AlertNotice, route: AlertRoute): void {
    const { sent, failed, dead } = this.#figures;
    this.#figures = {
      sent: sent + (result.kind === 'sent' ? 1 : 0),
      failed: failed + (result.kind === 'sent' ? 0 : 1),
      dead: dead + (result.kind === 'dead' ? 1 : 0),
    };
    if (result.kind === 'sent') return;
    const about = { route: route.id, channel: route.channel, alert: notice.alert.id, attempts: notice.attempts };
    const text = `an alert was not told: ${result.error}`;
    if (result.kind === 'dead') this.#options.log.error(about, `${text}; given up`);
    else this.#options.log.warn(about, text);
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
  return { kind: 'sent', repeatAt: again };
}

function bundlesByRoute(notices: readonly AlertNotice[]): (readonly [string, readonly Bundle[]])[] {
  const routes = new Map<string, Map<string, [AlertNotice, ...AlertNotice[]]>>();
  for (const notice of notices) {
    const groups = routes.get(notice.routeId) ?? new Map<string, [AlertNotice, ...AlertNotice[]]>();
    routes.set(notice.routeId, groups);
    const name = JSON.stringify([notice.event, notice.groupKey]);
    const bundle = groups.get(name);
    if (bundle === undefined) groups.set(name, [notice]);
    else bundle.push(notice);
  }
  return [...routes].map(([routeId, groups]) => [routeId, [...groups.values()]] as const);
}

/** Repeats of one trigger are news, and told under a key of their own: when they were first due tells them apart. */
function idempotencyKeyOf(bundle: Bundle): string {
  const parts = bundle.map(({ id, firstDueAt }) => `${id} ${firstDueAt}`).sort();
  return `msg_${createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)}`;
}
