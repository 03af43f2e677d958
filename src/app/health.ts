import { toError } from '../domain/errors.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { ClickHouse } from '../store/clickhouse/clickhouse.ts';
import type { SegmentLoader } from '../store/clickhouse/segment-loader.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import type { DetectorLoop } from './detector-loop.ts';

export interface HealthPart {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface HealthSources {
  readonly clickhouse: Pick<ClickHouse, 'inspect'>;
  readonly postgres: Pick<Postgres, 'ping'>;
  readonly loader: Pick<SegmentLoader, 'figures'>;
  readonly detector: Pick<DetectorLoop, 'figures'>;
  readonly now: () => number;
}

/** Telemetry that waits longer than this is late enough to mislead whoever looks at a chart. */
const LATE_MS = 30 * SECOND_MS;
const DETECTOR_LATE_MS = 60 * SECOND_MS;

/** What works and what does not, each with what to do about it. */
export async function healthParts(sources: HealthSources): Promise<readonly HealthPart[]> {
  return [
    await answers('clickhouse', () => sources.clickhouse.inspect('SELECT 1'), 'rollups and spans can be read'),
    await answers('postgres', () => sources.postgres.ping(), 'flags, keys and findings can be read'),
    loading(sources),
    detecting(sources),
  ];
}

async function answers(name: string, ask: () => Promise<unknown>, works: string): Promise<HealthPart> {
  try {
    await ask();
    return { name, ok: true, detail: works };
  } catch (thrown) {
    return {
      name,
      ok: false,
      detail: `${toError(thrown).message} Check that it runs and can be reached; it is tried again.`,
    };
  }
}

function loading({ loader }: HealthSources): HealthPart {
  const { trouble, waitingSegments, oldestWaitingMs, quarantinedRequests } = loader.figures();
  const waiting = `${waitingSegments} segments wait, the oldest for ${Math.round(oldestWaitingMs / SECOND_MS)} s`;
  if (trouble !== undefined || oldestWaitingMs > LATE_MS) {
    return {
      name: 'loader',
      ok: false,
      detail: `${waiting}. Nothing is lost: they are loaded once ClickHouse takes them.`,
    };
  }
  return { name: 'loader', ok: true, detail: `${waiting}; ${quarantinedRequests} requests in quarantine` };
}

function detecting({ detector, now }: HealthSources): HealthPart {
  const { lastTickAt, suspended, leader, openFindings } = detector.figures();
  if (!leader) return { name: 'detector', ok: true, detail: 'another process leads, or this one has just started' };
  const age = lastTickAt === null ? Number.POSITIVE_INFINITY : now() - lastTickAt;
  if (age > DETECTOR_LATE_MS) {
    return {
      name: 'detector',
      ok: false,
      detail: 'it has not run lately; throttles in force end by themselves. See the log.',
    };
  }
  const detail = suspended === null ? `${openFindings} open findings` : `judges nothing for now: ${suspended}`;
  return { name: 'detector', ok: true, detail };
}
