import type { Logger } from 'pino';
import { SpendDesk } from '../control/spend-desk.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { CapStore } from '../store/postgres/cap-store.ts';
import { DegradeOrders } from '../store/postgres/degrade-orders.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { SpendBook } from '../store/postgres/spend-book.ts';
import { SpendFlagStore } from '../store/postgres/spend-flag-store.ts';
import type { RunLog } from './detector-runs.ts';
import { PostgresLeadership } from './leadership.ts';
import type { AiCosts, BookSource } from './prices-costs.ts';
import { runEvery } from './schedule.ts';
import { SpendLoop } from './spend-loop.ts';
import { observedSpend, spendHours } from './spend-observed.ts';
import { spendRates } from './spend-rates.ts';
import { heldCaps, SpendCaps, zoneOrUtc } from './spend-standing.ts';

const TICK_MS = 5 * SECOND_MS;

export interface SpendParts {
  readonly caps: SpendCaps;
  readonly desk: SpendDesk;
  /** Of people, beside what the run sets. */
  readonly degradations: DegradeOrders;
  /** No further run is begun; resolves when the one under way has ended. */
  stop(): Promise<void>;
}

export interface SpendOptions {
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly clickhouse: Pick<ClickHouse, 'rows'>;
  readonly books: BookSource;
  readonly aiCosts: AiCosts;
  /** Of caps that name none. */
  readonly timeZone: string;
  /** Told of every run. */
  readonly runs: RunLog;
  readonly log: Logger;
}

/** Everything about AI spend: the desk where apps reserve and settle, the caps, and the run that watches over both. */
export function startSpend(options: SpendOptions): SpendParts {
  const { postgres, postgresUrl, clickhouse, books, aiCosts, timeZone, log } = options;
  const book = new SpendBook(postgres);
  const store = new CapStore(postgres);
  const desk = new SpendDesk(book, { zone: zoneOrUtc, rates: spendRates(books) });
  const leadership = new PostgresLeadership(postgresUrl, 'spend');
  const loop = new SpendLoop({
    leadership,
    desk,
    caps: store,
    book,
    flags: new SpendFlagStore(postgres),
    held: heldCaps,
    observed: (accounts, now) => observedSpend(aiCosts, accounts, now),
    onAlert: (alert) => log.warn({ alert: 'spend-cap', tenant: alert.tenantId, percent: alert.percent }, alert.reason),
    log,
  });
  const tick = options.runs.watched(
    'spend-caps',
    TICK_MS,
    () => loop.tick(),
    () => ({ leader: leadership.leads }),
  );
  const schedule = runEvery(TICK_MS, 'spend', log, tick);
  return {
    caps: new SpendCaps({
      store,
      history: (accounts, now) => spendHours(clickhouse, books.current(), accounts, now),
      timeZone,
      log,
    }),
    desk,
    degradations: new DegradeOrders(postgres),
    stop: async () => {
      await schedule.stop();
      await leadership.release();
    },
  };
}
