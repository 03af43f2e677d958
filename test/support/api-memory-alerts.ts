import { randomUUID } from 'node:crypto';
import type { Alerting } from '../../src/api/ports.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { Alert, AlertMute, AlertRoute, NewAlertMute, NewAlertRoute } from '../../src/domain/alert.ts';

const NO_HEALTH = { waiting: 0, dead: 0, lastSentAt: null, lastFailedAt: null, lastError: null, problem: null };

/** Alerts, routes and mutes in memory; nothing is told to anybody. */
export class MemoryAlerting implements Alerting {
  readonly alerts: Alert[] = [];
  readonly held: (AlertRoute & { target: NewAlertRoute['target'] })[] = [];
  readonly muted: AlertMute[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async list(_actor: StaffActor, filter: Parameters<Alerting['list']>[1]) {
    return this.alerts
      .filter(({ tenantId }) => filter.tenantId === undefined || tenantId === filter.tenantId)
      .filter(({ kind }) => filter.kind === undefined || kind === filter.kind)
      .slice(0, filter.limit)
      .map((alert) => ({ ...alert, notices: [] }));
  }

  async acknowledge(actor: StaffActor, id: string): Promise<Alert | undefined> {
    const index = this.alerts.findIndex((alert) => alert.id === id && alert.endedAt === null);
    const alert = this.alerts[index];
    if (alert === undefined) return undefined;
    const acked = { ...alert, ackedAt: this.#now(), ackedBy: actor.subject };
    this.alerts[index] = acked;
    return acked;
  }

  async routes() {
    return this.held.map((route) => ({ ...route, health: NO_HEALTH }));
  }

  async createRoute(actor: StaffActor, { target, ...terms }: NewAlertRoute) {
    const made = { ...terms, id: randomUUID(), createdBy: actor.subject, createdAt: this.#now() };
    this.held.push({ ...made, channel: target.channel, target });
    return { ...made, channel: target.channel, health: NO_HEALTH };
  }

  async removeRoute(_actor: StaffActor, id: string): Promise<boolean> {
    const index = this.held.findIndex((route) => route.id === id);
    if (index >= 0) this.held.splice(index, 1);
    return index >= 0;
  }

  async testRoute(id: string) {
    return this.held.some((route) => route.id === id) ? { sent: true, detail: 'the receiver took it' } : undefined;
  }

  async mutes(): Promise<readonly AlertMute[]> {
    return this.muted;
  }

  async mute(actor: StaffActor, { expiresInSeconds, ...mute }: NewAlertMute): Promise<AlertMute> {
    const now = this.#now();
    const made = { ...mute, id: randomUUID(), createdBy: actor.subject, createdAt: now };
    this.muted.push({ ...made, expiresAt: now + expiresInSeconds * 1_000 });
    return { ...made, expiresAt: now + expiresInSeconds * 1_000 };
  }

  async unmute(_actor: StaffActor, id: string): Promise<boolean> {
    const index = this.muted.findIndex((mute) => mute.id === id);
    if (index >= 0) this.muted.splice(index, 1);
    return index >= 0;
  }
}
