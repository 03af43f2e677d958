import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Config } from '../config/config.ts';
import type { AnalyticsReader } from '../domain/analytics-query.ts';
import { SELF_CHECK_STAGES, type SelfCheckFailure, type SelfCheckStanding } from '../domain/self-check.ts';
import { INTAKE_FILE, type KeySnapshot } from '../domain/spool-format.ts';
import { selfCheckTenant } from '../domain/tenant-id.ts';
import { SECOND_MS } from '../domain/window.ts';
import { readIntake } from './ingest-health-files.ts';
import { runEvery, type Schedule } from './schedule.ts';
import { sendTrace } from './self-check-client.ts';
import { SelfCheck } from './self-check-run.ts';
import { urlOf } from './url-of.ts';

/** Telemetry that waits longer is late enough to mislead whoever looks at a chart. */
const LATE_MS = 30 * SECOND_MS;
/** Ingest writes every second; an older file tells of the port of a process that is gone. */
const PORT_KNOWN_MS = 15 * SECOND_MS;

export interface SelfCheckSettings {
  readonly config: Pick<
    Config,
    'TENANTRY_HOST' | 'TENANTRY_SELF_CHECK_SECONDS' | 'TENANTRY_DETECT_RESOLUTION_SECONDS' | 'TENANTRY_SEGMENT_AGE_MS'
  >;
  readonly spoolFolder: string;
  readonly clickhouse: AnalyticsReader;
  readonly registry: Registry;
  readonly log: Logger;
}

/**
 * The self-check of this server and the ingest beside it. Each server has one, under a name of its own: what one spool
 * loses, no other's check would see.
 */
export interface RunningSelfCheck {
  /** The keys with that of the self-check among them: made at each start, held in memory, listed nowhere. */
  withKey(snapshot: KeySnapshot): KeySnapshot;
  /** undefined: it is switched off. */
  standing(): SelfCheckStanding | undefined;
  /** What people are told; null: nothing is wrong. */
  alert(): { readonly reason: string; readonly since: number } | null;
  run(): void;
  stop(): Promise<void>;
}

export function startSelfCheck(settings: SelfCheckSettings): RunningSelfCheck {
  const { config, spoolFolder, clickhouse, registry, log } = settings;
  const seconds = config.TENANTRY_SELF_CHECK_SECONDS;
  if (seconds === 0) return SWITCHED_OFF;
  const start = randomBytes(4).toString('hex');
  const tenant = selfCheckTenant(start);
  const key = `tsc_${randomBytes(32).toString('base64url')}`;
  const entry = {
    ...{ id: `self-check-${start}`, sha256: createHash('sha256').update(key).digest('hex'), scopes: ['ingest'] },
    tenantId: tenant,
  };
  const check = new SelfCheck({
    ...{ clickhouse, tenant },
    activitySeconds: config.TENANTRY_DETECT_RESOLUTION_SECONDS,
    lateMs: Math.max(LATE_MS, 3 * config.TENANTRY_SEGMENT_AGE_MS),
    send: async (trace) => {
      const intake = await readIntake(join(spoolFolder, INTAKE_FILE));
      const port = intake?.standing.httpPort ?? null;
      if (intake === undefined || port === null || Date.now() - intake.writtenAt > PORT_KNOWN_MS) {
        throw new Error('no ingest process says where it listens');
      }
      await sendTrace(trace, urlOf(config.TENANTRY_HOST, port), key);
    },
  });
  const count = selfCheckMetrics(registry, () => check.standing());
  let schedule: Schedule | undefined;
  return {
    withKey: (snapshot) => ({ ...snapshot, keys: [...snapshot.keys, entry] }),
    standing: () => check.standing(),
    alert: () => {
      const { failures, failingSince } = check.standing();
      const [first] = failures;
      return first === undefined || failingSince === null ? null : { reason: first.text, since: failingSince };
    },
    run: () => {
      schedule = runEvery(seconds * SECOND_MS, 'self-check', log, async () => {
        const failures = await check.run();
        if (failures === undefined) return;
        count(failures);
        if (failures.length > 0) log.error({ failures: failures.slice(0, 10) }, 'the self-check failed');
      });
    },
    stop: async () => {
      check.stop();
      await schedule?.stop();
    },
  };
}

const SWITCHED_OFF: RunningSelfCheck = {
  withKey: (snapshot) => snapshot,
  standing: () => undefined,
  alert: () => null,
  run: () => undefined,
  stop: async () => undefined,
};

/** @returns counts a run by what was wrong with it */
function selfCheckMetrics(
  registry: Registry,
  standing: () => SelfCheckStanding,
): (failures: readonly SelfCheckFailure[]) => void {
  const registers = [registry];
  const runs = new Counter({ name: 'tenantry_self_check_runs_total', help: 'Runs that came to a verdict', registers });
  const failed = new Counter({
    ...{ name: 'tenantry_self_check_failures_total', help: 'Runs in which a stage was not as it must be', registers },
    labelNames: ['stage'] as const,
  });
  // A counter that begins with its first failure has no rate then.
  for (const stage of SELF_CHECK_STAGES) failed.inc({ stage }, 0);
  const gauges: readonly [name: string, help: string, read: (standing: SelfCheckStanding) => number][] = [
    ['failing', '1 while the last run found something wrong', ({ failures }) => (failures.length === 0 ? 0 : 1)],
    [
      'lag_seconds',
      'From the end of the last known span to its being queryable, to a quarter of a second',
      ({ lagMs }) => (lagMs ?? Number.NaN) / SECOND_MS,
    ],
    [
      'last_run_timestamp_seconds',
      'Unix time of the last verdict; 0: none yet',
      ({ lastRunAt }) => (lastRunAt ?? 0) / SECOND_MS,
    ],
  ];
  for (const [name, help, read] of gauges) {
    const gauge: Gauge = new Gauge({
      ...{ name: `tenantry_self_check_${name}`, help, registers },
      collect: () => gauge.set(read(standing())),
    });
  }
  return (failures) => {
    runs.inc();
    for (const stage of new Set(failures.map((failure) => failure.stage))) failed.inc({ stage });
  };
}
