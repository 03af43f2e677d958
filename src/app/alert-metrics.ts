import { Counter, Gauge, type Registry } from 'prom-client';
import { ALERT_CHANNELS } from '../domain/alert.ts';
import type { OutboxDepth } from '../store/postgres/alert-outbox.ts';
import type { DispatchResult } from './alert-dispatcher.ts';

/** What became of notices on this server, and what waits in the outbox that all servers share. */
export class AlertMetrics {
  readonly #sent: Counter<'channel'>;
  readonly #failed: Counter<'channel' | 'reason'>;
  readonly #dead: Counter<'channel' | 'reason'>;

  constructor(registry: Registry, depth: () => Promise<OutboxDepth>) {
    const registers = [registry];
    this.#sent = new Counter({
      ...{ name: 'tenantry_alert_notices_sent_total', help: 'Notices that a receiver took', registers },
      labelNames: ['channel'],
    });
    this.#failed = new Counter({
      ...{ name: 'tenantry_alert_notices_failed_total', help: 'Attempts to tell a notice that failed', registers },
      labelNames: ['channel', 'reason'],
    });
    this.#dead = new Counter({
      ...{ name: 'tenantry_alert_notices_dead_total', help: 'Notices that were given up', registers },
      labelNames: ['channel', 'reason'],
    });
    // A counter that begins with its first failure has no rate then.
    for (const channel of ALERT_CHANNELS) this.#sent.inc({ channel }, 0);
    const read = async () => depth().catch(() => ({ waiting: Number.NaN, oldestSeconds: Number.NaN }));
    new Gauge({
      ...{ name: 'tenantry_alert_outbox_notices', help: 'Notices that may be told and are not yet', registers },
      async collect() {
        this.set((await read()).waiting);
      },
    });
    new Gauge({
      ...{ name: 'tenantry_alert_outbox_oldest_seconds', help: 'How long the oldest of them has been due', registers },
      async collect() {
        this.set((await read()).oldestSeconds);
      },
    });
  }

  count({ channel, kind, reason }: DispatchResult): void {
    if (reason === undefined) {
      this.#sent.inc({ channel });
      return;
    }
    this.#failed.inc({ channel, reason });
    if (kind === 'dead') this.#dead.inc({ channel, reason });
  }
}
