import { Gauge, Registry } from 'prom-client';
import { QuarantineFolder } from '../store/clickhouse/quarantine-folder.ts';
import type { SegmentLoader } from '../store/clickhouse/segment-loader.ts';
import type { DetectorLoop } from './detector-loop.ts';

export interface OwnMetricsSources {
  readonly loader: () => ReturnType<SegmentLoader['figures']>;
  readonly spoolFolder: string;
  readonly detector: () => ReturnType<DetectorLoop['figures']>;
}

/** A registry whose loader and detector gauges are read when somebody asks. */
export function ownMetrics({ spoolFolder, loader, detector }: OwnMetricsSources): Registry {
  const registry = new Registry();
  const quarantine = new QuarantineFolder(spoolFolder);
  const gauge = (name: string, help: string, read: () => number | Promise<number>) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await read());
      },
    });
  };
  gauge('tenantry_loader_loaded_segments', 'Spool segments inserted since the start', () => loader().loadedSegments);
  gauge('tenantry_loader_loaded_bytes', 'Bytes of these segments', () => loader().loadedBytes);
  gauge('tenantry_loader_waiting_segments', 'Sealed segments that wait to be inserted', () => loader().waitingSegments);
  gauge(
    'tenantry_loader_oldest_waiting_seconds',
    'Age of the oldest waiting segment',
    () => loader().oldestWaitingMs / 1_000,
  );
  gauge(
    'tenantry_loader_quarantined_requests',
    'Requests that ClickHouse refused, set apart with the reason',
    () => loader().quarantinedRequests,
  );
  gauge(
    'tenantry_loader_quarantine_evicted_requests',
    'Requests deleted because the quarantine was full',
    () => loader().evictedRequests,
  );
  gauge('tenantry_loader_quarantine_requests', 'Requests that lie in the quarantine now', () => quarantine.count());
  gauge('tenantry_loader_quarantine_bytes', 'Bytes of all that lies in the quarantine now', () => quarantine.bytes());
  gauge(
    'tenantry_loader_late_waiting_spans',
    'Spans without a tenant that wait for that of their trace',
    () => loader().late?.waitingSpans ?? 0,
  );
  gauge(
    'tenantry_loader_late_oldest_seconds',
    'Age of the span that has waited longest for a tenant',
    () => (loader().late?.oldestMs ?? 0) / 1_000,
  );
  gauge(
    'tenantry_loader_late_adopted_spans',
    'Spans since the start that took the tenant of their trace',
    () => loader().late?.adoptedSpans ?? 0,
  );
  gauge(
    'tenantry_loader_late_given_up_spans',
    'Spans since the start that were stored without a tenant after their wait',
    () => loader().late?.givenUpSpans ?? 0,
  );
  gauge('tenantry_loader_late_failing', '1 while spans that have waited cannot be stored, 0 while all is well', () =>
    loader().late?.trouble === undefined ? 0 : 1,
  );
  gauge(
    'tenantry_detector_open_findings',
    'Tenants and metrics that are out of line now',
    () => detector().openFindings,
  );
  gauge(
    'tenantry_detector_last_tick_timestamp_seconds',
    'Unix time of the last run; 0: none yet',
    () => (detector().lastTickAt ?? 0) / 1_000,
  );
  gauge(
    'tenantry_detector_unjudged_intervals',
    'Intervals since the start that no detector judged, because none ran and they were too many to catch up',
    () => detector().unjudgedIntervals,
  );
  return registry;
}
