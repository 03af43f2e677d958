import { resolve } from 'node:path';
import { Command } from 'commander';
import type { AlertRouteItem, AlertRouteList } from '../../api/contract.ts';
import type { IngestHealthBody } from '../../api/ingest-health-contract.ts';
import { type Config, loadConfig } from '../../config/config.ts';
import { isOverdue } from '../../domain/backup.ts';
import { toError } from '../../domain/errors.ts';
import { type IngestVerdict, ingestFindings } from '../../domain/ingest-health.ts';
import { HOUR_MS } from '../../domain/window.ts';
import { askServer } from '../api-client.ts';
import { readBackupStatus } from '../backup-status.ts';
import { situationFromFiles } from '../ingest-health-files.ts';
import { knownAdminToken } from '../secrets.ts';
import { print } from '../terminal.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** It works, and somebody should look at it all the same. */
  readonly isWarning?: boolean;
}

const TIMEOUT_MS = 5_000;

async function checkServer(port: number, adminToken: string | undefined): Promise<readonly Check[]> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`, {
    // Anybody may ask; the reasons are for staff.
    headers: adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const { parts = [] } = (await response.json()) as { parts?: readonly Partial<Check>[] };
  return parts.map(({ name = 'server', ok = false, detail = '' }) => ({ name, ok, detail }));
}

async function checkIngest(port: number): Promise<readonly Check[]> {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const body = (await response.json()) as { accepting?: boolean; refusal?: string; grpcPort?: number };
  const { accepting = false, refusal, grpcPort } = body;
  const takes = `takes telemetry (OTLP/HTTP on port ${port}, OTLP/gRPC on port ${grpcPort ?? 'unknown'})`;
  return [
    {
      name: 'ingest',
      ok: accepting,
      detail: accepting ? takes : `refuses telemetry: ${refusal ?? 'no reason given'}`,
    },
  ];
}

/** Why people may not hear of what happens; undefined: nothing is known against the route. */
function troubleOf({ name, health }: AlertRouteItem): string | undefined {
  const { problem, dead, waiting, last_error: error } = health;
  if (problem !== null) return `${name}: ${problem}`;
  if (dead > 0) return `${name}: ${dead} notices were given up within a day (${error ?? 'see the log'})`;
  return waiting > 0 && error !== null ? `${name}: ${waiting} notices wait (${error})` : undefined;
}

async function checkAlerts(config: Config): Promise<readonly Check[]> {
  const { items } = await askServer<AlertRouteList>(config, 'GET', '/v1/alert-routes');
  const troubles = items.flatMap((route) => troubleOf(route) ?? []);
  const works =
    items.length === 0
      ? 'no route is set up: alerts are kept, and nobody is told (`tenantry alert add-route`)'
      : `${items.length} routes, nothing known against them`;
  return [
    { name: 'alerts', ok: troubles.length === 0, detail: troubles.length === 0 ? works : `${troubles.join('; ')}.` },
  ];
}

/** The words of the page on ingest: everything that is wrong, or the one sentence that nothing is. */
async function checkFlow(config: Config): Promise<readonly Check[]> {
  const { verdict, findings } = await askServer<IngestHealthBody>(config, 'GET', '/v1/ingest');
  // That nothing is sent is no fault of Tenantry's: there may be nothing to send.
  return findings.length === 0 ? [said({ ...verdict, level: 'ok' })] : findings.map(said);
}

/** What the files alone tell, while no server does. */
async function checkFiles(config: Config): Promise<readonly Check[]> {
  const situation = await situationFromFiles(resolve(config.TENANTRY_DATA_DIR), Date.now());
  return situation === undefined ? [] : ingestFindings(situation).map(said);
}

function said({ level, text, advice }: IngestVerdict): Check {
  const detail = advice === null ? text : `${text} ${advice}`;
  return { name: 'telemetry', ok: level !== 'critical', isWarning: level === 'warning', detail };
}

/** From the file in the data directory, whether or not a server runs. Nothing is said where no backup is wanted. */
async function checkBackups(config: Config, now: number): Promise<readonly Check[]> {
  const { lastBackup, lastDrill } = await readBackupStatus(resolve(config.TENANTRY_DATA_DIR));
  const maxAgeMs = config.TENANTRY_BACKUP_MAX_AGE_HOURS * HOUR_MS;
  const isConfigured = config.TENANTRY_BACKUP_DIR !== undefined;
  if (lastBackup === undefined && !isConfigured) return [];
  const hours = (at: number) => `${Math.round((now - at) / HOUR_MS)} hours ago`;
  const backup =
    lastBackup === undefined ? 'none was ever made' : `${lastBackup.name} was made ${hours(lastBackup.cutAt)}`;
  const drill =
    lastDrill === undefined ? 'never restored on trial' : `restored on trial ${hours(lastDrill.finishedAt)}`;
  const failed = lastDrill?.ok === false ? `, with ${lastDrill.differences} differences` : '';
  const isLate = isOverdue({ isConfigured, maxAgeMs, lastCutAt: lastBackup?.cutAt, now });
  const advice = isLate
    ? ' Run `tenantry backup`, and have it run every day.'
    : failed === ''
      ? ''
      : ' Run `tenantry drill`.';
  return [
    { name: 'backup', ok: true, isWarning: isLate || failed !== '', detail: `${backup}; ${drill}${failed}.${advice}` },
  ];
}

async function orFailure(
  name: string,
  port: number,
  check: () => Promise<readonly Check[]>,
): Promise<readonly Check[]> {
  try {
    return await check();
  } catch (thrown) {
    const detail = `does not answer on port ${port} (${toError(thrown).message}). Start it with \`npm start\`, and give this command the same settings.`;
    return [{ name, ok: false, detail }];
  }
}

const EXIT_CODES = `
Exit codes:
  0  everything works
  1  something does not work
  2  everything works, and something needs attention before it no longer does`;

/** The gravest of all in one line, then every check with what to do. */
export function doctorReport(checks: readonly Check[]): {
  readonly lines: readonly string[];
  readonly exitCode: number;
} {
  const failed = checks.filter(({ ok }) => !ok);
  const warned = checks.filter(({ ok, isWarning }) => ok && isWarning === true);
  const [worst] = [...failed, ...warned];
  const verdict =
    worst === undefined
      ? 'All is well.'
      : failed.length > 0
        ? `Does not work: ${worst.name}. ${worst.detail}`
        : `Works, and needs attention: ${worst.detail}`;
  const label = ({ ok, isWarning }: Check) => (ok ? (isWarning === true ? 'WARN' : 'ok  ') : 'FAIL');
  return {
    lines: [verdict, '', ...checks.map((check) => `${label(check)}  ${check.name.padEnd(10)}  ${check.detail}`)],
    exitCode: failed.length > 0 ? 1 : warned.length > 0 ? 2 : 0,
  };
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'say in plain words what works and what does not; exits with 1 if anything does not, with 2 if it soon will not',
    )
    .addHelpText('after', EXIT_CODES)
    .action(async () => {
      const config = loadConfig();
      const adminToken = knownAdminToken(config);
      const { TENANTRY_API_PORT: apiPort, TENANTRY_OTLP_HTTP_PORT: otlpPort } = config;
      const server = await orFailure('server', apiPort, () => checkServer(apiPort, adminToken));
      const isUp = server.every(({ name }) => name !== 'server');
      const checks = [
        ...(await orFailure('ingest', otlpPort, () => checkIngest(otlpPort))),
        ...server,
        // Asked with the admin token; without one there is nobody to tell it to.
        ...(isUp && adminToken !== undefined ? await orFailure('telemetry', apiPort, () => checkFlow(config)) : []),
        ...(isUp ? [] : await checkFiles(config)),
        ...(await checkBackups(config, Date.now())),
        ...(isUp && adminToken !== undefined ? await orFailure('alerts', apiPort, () => checkAlerts(config)) : []),
      ];
      const { lines, exitCode } = doctorReport(checks);
      for (const line of lines) print(line);
      process.exitCode = exitCode;
    });
}
