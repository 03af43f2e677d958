import { periodAt, type ZoneOffset } from '../domain/calendar-period.ts';
import type { QuotaStanding } from '../domain/quota.ts';
import { BURST_CLERK, type BurstDesk } from './burst-desk.ts';
import type { QuotaDesk } from './quota-desk.ts';

/** Tenants are judged in pages of so many. */
const PAGE = 1_000;
/** Periods that are looked back over for one that was missed while no server ran. */
const CAUGHT_UP = 3;

export interface BurstLoopOptions {
  readonly leadership: { isLeader(): Promise<boolean> };
  readonly quotas: Pick<QuotaDesk, 'standing' | 'zone'>;
  readonly burst: Pick<BurstDesk, 'cover' | 'close' | 'expire' | 'closed'>;
  /** How long after its end a period is closed. */
  readonly settleMs: number;
}

/**
 * What happens to burst credits by itself: what ended is expired, periods that are over for long enough are closed, and
 * use beyond running quotas is paid for. Each step books once, whenever and however often it is run.
 */
export class BurstLoop {
  readonly #options: BurstLoopOptions;

  constructor(options: BurstLoopOptions) {
    this.#options = options;
  }

  /** `now`: Unix ms. */
  async tick(now: number): Promise<void> {
    if (!(await this.#options.leadership.isLeader())) return;
    await this.#options.burst.expire();
    for (const at of momentsToClose(now - this.#options.settleMs, this.#options.quotas.zone))
      await this.#close(at, now);
    await this.#eachStanding(now, now, (standing) => this.#cover(standing));
  }

  async #cover(standing: QuotaStanding): Promise<void> {
    const { quota, used } = standing;
    if (quota.burst !== null && used !== null && used > quota.limit) await this.#options.burst.cover({ standing });
  }

  async #close(at: number, now: number): Promise<void> {
    const { burst, settleMs } = this.#options;
    const closed = new Map<string, ReadonlySet<string>>();
    await this.#eachStanding(at, now, async (standing) => {
      const { tenantId, quota, window, used } = standing;
      if (quota.burst === null || used === null || window.to > now - settleMs) return;
      const name = `${quota.period} ${window.from}`;
      const known = closed.get(name) ?? (await burst.closed(quota.period, window.from));
      closed.set(name, known);
      if (!known.has(`${tenantId} ${quota.key}`)) await burst.close({ standing, terms: quota.burst });
    });
  }

  async #eachStanding(at: number, now: number, work: (standing: QuotaStanding) => Promise<void>): Promise<void> {
    for (let offset = 0; ; offset += PAGE) {
      const question = { offset, limit: PAGE, at, now, withForecast: false, burstOnly: true };
      const page = await this.#options.quotas.standing(BURST_CLERK, question);
      for (const standing of page.standings) await work(standing);
      if (page.tenants < PAGE) return;
    }
  }
}

/** A moment within each of the last days and months that may have to be closed, oldest first. */
function momentsToClose(until: number, zone: ZoneOffset): readonly number[] {
  const moments = (['month', 'day'] as const).flatMap((period) => {
    const found: number[] = [];
    let { from } = periodAt(period, until, zone);
    for (let back = 0; back < CAUGHT_UP; back += 1) {
      found.push(from - 1);
      from = periodAt(period, from - 1, zone).from;
    }
    return found;
  });
  return [...new Set(moments)].toSorted((a, b) => a - b);
}
