/** How telemetry flows, and one plain sentence about it: the page, the API and `tenantry doctor` say the same. Pure. */
import { count, counted, FURTHER_JUDGES, megabytes, roughly } from './ingest-findings.ts';
import type { IngestSituation, IngestVerdict, LoaderStanding } from './ingest-situation.ts';
import type { IngestStanding, IntakeFigures } from './spool-format.ts';
import { INTAKE_BUCKET_MS } from './spool-format.ts';
import { MINUTE_MS, SECOND_MS } from './window.ts';

export type { ExportDelay, IngestSituation, IngestVerdict, LoaderStanding } from './ingest-situation.ts';

/** Ingest writes every second; a file that is older is of a process that is gone, or of a disk that is full. */
const INTAKE_STALE_MS = 15 * SECOND_MS;
/** Telemetry that waits longer is late enough to mislead whoever looks at a chart. */
const LATE_MS = 30 * SECOND_MS;
const QUIET_MS = 5 * MINUTE_MS;
/** Of requests with a key. */
const MANY_REJECTED = 0.02;
const LEAST_REQUESTS = 20;

const WHAT_TO_DO: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: 'An exporter sends no valid key: compare its key with the list under Keys.',
  OTLP_MALFORMED: 'A sender produces broken OTLP: look for an exporter that was changed lately.',
  BODY_TOO_LARGE: 'Make the batches of the exporter smaller, or raise TENANTRY_MAX_BODY_BYTES.',
  UNSUPPORTED_MEDIA_TYPE:
    'Set the protocol of the exporter to http/protobuf, http/json or grpc, and its compression to gzip or none.',
  SPOOL_UNAVAILABLE: 'The spool has no room: free disk space, or find out why ClickHouse does not take segments.',
  NOT_FOUND: 'An exporter uses a wrong path: OTEL_EXPORTER_OTLP_ENDPOINT takes the address without /v1/traces.',
};

/** What helps against requests that are refused for `reason` (an error code). */
export function rejectionAdvice(reason: string): string {
  return WHAT_TO_DO[reason] ?? 'The log of the ingest process says more.';
}

/** Spans, and requests taken and refused, in the whole buckets of the last `ms` before `now`. null: no bucket is whole. */
export function intakeWithin(
  { buckets, since }: Pick<IntakeFigures, 'buckets' | 'since'>,
  now: number,
  ms: number,
): { readonly spans: number; readonly requests: number; readonly refused: number; readonly ms: number } | null {
  const to = Math.floor(now / INTAKE_BUCKET_MS) * INTAKE_BUCKET_MS;
  const from = Math.max(to - ms, since);
  if (from >= to) return null;
  const sums = { spans: 0, requests: 0, refused: 0, ms: to - from };
  for (const bucket of buckets) {
    if (bucket.at < from || bucket.at >= to) continue;
    sums.spans += bucket.spans;
    sums.requests += bucket.requests;
    sums.refused += bucket.refused;
  }
  return sums;
}

/** Spans a minute lately; null: ingest has not run for long enough to say. */
export function spansPerMinute(intake: IntakeFigures | undefined, now: number): number | null {
  const last = intake === undefined ? null : intakeWithin(intake, now, MINUTE_MS);
  return last === null ? null : Math.round((last.spans / last.ms) * MINUTE_MS);
}

/** From the end of a span to its being queryable; null: not known yet. */
export function endToEndMs({ delay, loader }: Pick<IngestSituation, 'delay' | 'loader'>): number | null {
  return delay === null || loader.lastLoadMs === undefined ? null : delay.p50Ms + loader.lastLoadMs;
}

const verdict = (level: IngestVerdict['level'], text: string, advice: string | null): IngestVerdict => ({
  level,
  text,
  advice,
});

const GRAVITY: Readonly<Record<IngestVerdict['level'], number>> = { critical: 0, warning: 1, ok: 2 };

/**
 * Everything that is wrong, the gravest first; empty: nothing is. Says nothing of whether anything arrives, so that it can
 * be asked from the files alone.
 */
export function ingestFindings(situation: IngestSituation): readonly IngestVerdict[] {
  const { intake, loader, now } = situation;
  return [
    judgeLoading(loader, intake?.standing.spool, now),
    judgeTaking(intake, now),
    ...FURTHER_JUDGES.map((judge) => judge(situation)),
    judgeRejections(intake, now),
  ]
    .filter((found) => found !== undefined)
    .toSorted((a, b) => GRAVITY[a.level] - GRAVITY[b.level]);
}

/** The worst of what is wrong, or that nothing is. */
export function judgeIngest(situation: IngestSituation): IngestVerdict {
  return ingestFindings(situation)[0] ?? judgeArrivals(situation);
}

function judgeLoading(
  loader: LoaderStanding,
  spool: IngestStanding['spool'] | undefined,
  now: number,
): IngestVerdict | undefined {
  const { trouble, troubleSince, waitingSegments, oldestWaitingMs } = loader;
  const size = spool === undefined ? '' : ` (${megabytes(spool.bytes)} of ${megabytes(spool.maxBytes)})`;
  const waiting = `${counted(waitingSegments, 'segment waits', 'segments wait')} in the spool${size}`;
  if (trouble !== undefined && troubleSince !== undefined) {
    const text = `ClickHouse has been refusing inserts for ${roughly(now - troubleSince)}: ${trouble}`;
    return verdict(
      'critical',
      text,
      `Check that it runs and has disk space. Nothing is lost: ${waiting}, and loading goes on by itself.`,
    );
  }
  if (oldestWaitingMs <= LATE_MS) return undefined;
  const advice =
    'ClickHouse takes segments more slowly than they come: look at its load and its disk. Nothing is lost.';
  return verdict('warning', `Loading is behind: ${waiting}, the oldest for ${roughly(oldestWaitingMs)}.`, advice);
}

function judgeTaking(intake: IntakeFigures | undefined, now: number): IngestVerdict | undefined {
  if (intake === undefined) {
    const advice =
      'Start it with `tenantry ingest` on the same TENANTRY_DATA_DIR, or look at its own /metrics where it runs elsewhere.';
    return verdict('warning', 'No ingest process has left figures in the data folder.', advice);
  }
  const age = now - intake.writtenAt;
  if (age > INTAKE_STALE_MS) {
    const text = `The ingest process has not been heard of for ${roughly(age)}: telemetry is not taken.`;
    return verdict(
      'critical',
      text,
      'Start it again; its log says why it ended. Exporters try again for some minutes.',
    );
  }
  const { refusal } = intake.standing.spool;
  if (refusal === null) return undefined;
  const advice =
    'Free disk space, or get ClickHouse to take segments again. Exporters keep what is refused and try again for some minutes.';
  return verdict('critical', `Telemetry is refused: ${refusal}.`, advice);
}

function judgeRejections(intake: IntakeFigures | undefined, now: number): IngestVerdict | undefined {
  const last = intake === undefined ? null : intakeWithin(intake, now, 10 * MINUTE_MS);
  if (intake === undefined || last === null) return undefined;
  const all = last.requests + last.refused;
  if (all < LEAST_REQUESTS || last.refused / all < MANY_REJECTED) return undefined;
  const percent = Math.round((last.refused / all) * 100);
  const text = `${percent} % of the requests of the last ${roughly(last.ms)} were refused.`;
  const reasons = Object.entries(intake.standing.rejected).filter(([reason]) => reason !== 'UNAUTHENTICATED');
  const [reason] = reasons.toSorted(([, a], [, b]) => b - a)[0] ?? [];
  return verdict('warning', text, reason === undefined ? null : `Most often ${reason}. ${rejectionAdvice(reason)}`);
}

function judgeArrivals(situation: IngestSituation): IngestVerdict {
  const { intake, now, newestSpanAt } = situation;
  const rate = spansPerMinute(intake, now);
  const noKey = intake?.standing.rejected['UNAUTHENTICATED'] ?? 0;
  if (newestSpanAt === null && (intake?.standing.spans ?? 0) === 0) {
    if (noKey === 0)
      return verdict('warning', 'No span has arrived yet.', 'The page Set-up shows how to send the first one.');
    const text = `No span has arrived yet, and ${counted(noKey, 'request was', 'requests were')} refused for want of a valid key.`;
    return verdict('warning', text, rejectionAdvice('UNAUTHENTICATED'));
  }
  if (newestSpanAt !== null && rate === 0 && now - newestSpanAt > QUIET_MS) {
    const text = `No span has arrived for ${roughly(now - newestSpanAt)}.`;
    return verdict('warning', text, 'Look at the services below: who sent last, and do its exporters run?');
  }
  const late = endToEndMs(situation);
  const lateness = late === null || late >= 2 * MINUTE_MS ? roughly(late ?? 0) : `${(late / SECOND_MS).toFixed(1)} s`;
  const after = late === null ? '' : `, queryable after ${lateness}`;
  const flow = rate === null ? 'figures come within seconds' : `${count(rate)} spans a minute${after}`;
  return verdict('ok', `All is well: ${flow}.`, null);
}
