/** The figures of a drill, from stores that are open in this process: the running ones, or restored ones beside them. */

import { readMetricSeries } from '../aggregate/metric-series-reader.ts';
import { METRICS, type MetricName } from '../aggregate/metrics.ts';
import { tenantFigures } from '../aggregate/queries/tenant-figures.ts';
import type { BackupBounds, BackupFigures, BackupFiguresQuestion, ReaderFigures } from '../domain/backup-figures.ts';
import { DAY_MS, floorTo, HOUR_MS, MINUTE_MS } from '../domain/window.ts';
import { backupBounds, clickHouseFigures } from '../store/clickhouse/backup-figures.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import { postgresFigures } from '../store/postgres/backup-figures.ts';
import type { Postgres } from '../store/postgres/postgres.ts';

export interface FiguresStores {
  readonly clickhouse: ClickHouse;
  readonly postgres: Pick<Postgres, 'inStaffTransaction'>;
}

const MINUTE_SECONDS = 60;

/** Of the running stores: as they were at the cut. @param now Unix ms */
export async function figuresAtCut(
  { clickhouse, postgres }: FiguresStores,
  question: BackupFiguresQuestion,
  now: number,
): Promise<BackupFigures> {
  const { tenantId, snapshot } = question;
  const bounds = await backupBounds(clickhouse, question, now);
  return {
    bounds,
    clickhouse: await clickHouseFigures(clickhouse, question, bounds),
    postgres: await postgresFigures(postgres, { tenantId, snapshot }),
    readers: await readerFigures(clickhouse, question, bounds),
  };
}

/** Of restored stores: all that they have, within the bounds of the other side. */
export async function figuresRestored(
  { clickhouse, postgres }: FiguresStores,
  question: BackupFiguresQuestion,
  live: BackupFigures,
): Promise<BackupFigures> {
  const { bounds } = live;
  const everyManieth = new Map(live.postgres.map((figures) => [figures.table, figures.everyManieth]));
  return {
    bounds,
    clickhouse: await clickHouseFigures(clickhouse, question, bounds),
    postgres: await postgresFigures(postgres, { tenantId: question.tenantId, snapshot: undefined, everyManieth }),
    readers: await readerFigures(clickhouse, question, bounds),
  };
}

/** What the API's readers say of the tenant, up to the first minute that has changed since the cut. */
async function readerFigures(
  clickhouse: ClickHouse,
  { tenantId, cutAt }: BackupFiguresQuestion,
  { untouchedUntil }: BackupBounds,
): Promise<readonly ReaderFigures[]> {
  const to = floorTo(Math.min(untouchedUntil, cutAt + MINUTE_MS), MINUTE_MS);
  const week = { from: floorTo(to - 7 * DAY_MS, DAY_MS) + DAY_MS, to };
  const answers: ReaderFigures[] = [
    {
      question: 'GET /v1/tenants',
      answer: JSON.stringify(await clickhouse.rows(tenantFigures(tenantId, week)), withoutNonce),
    },
  ];
  for (const metric of Object.keys(METRICS) as MetricName[]) {
    const asked = { tenantId, metric, window: { from: to - 2 * HOUR_MS, to }, stepSeconds: MINUTE_SECONDS };
    const { series } = await readMetricSeries(clickhouse, { ...asked, groupBy: undefined }, cutAt);
    answers.push({ question: `GET /v1/tenants/{id}/metrics?metric=${metric}`, answer: JSON.stringify(series) });
  }
  return answers;
}

/** Another one for each question. */
function withoutNonce(key: string, value: unknown): unknown {
  return key === 'nonce' ? undefined : value;
}
