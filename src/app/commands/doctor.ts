import { Command } from 'commander';
import type { AlertRouteItem, AlertRouteList } from '../../api/contract.ts';
import type { IngestHealthBody } from '../../api/ingest-health-contract.ts';
import { type Config, loadConfig } from '../../config/config.ts';
import { toError } from '../../domain/errors.ts';
import { askServer } from '../api-client.ts';
import { knownAdminToken } from '../secrets.ts';
import { print } from '../terminal.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
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

/** The sentence of the page on ingest, with what to do. A warning is no failure: nothing may be sent on purpose. */
async function checkFlow(config: Config): Promise<readonly Check[]> {
  const { verdict } = await askServer<IngestHealthBody>(config, 'GET', '/v1/ingest');
  const detail = verdict.advice === null ? verdict.text : `${verdict.text} ${verdict.advice}`;
  return [{ name: 'telemetry', ok: verdict.level !== 'critical', detail }];
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

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('say in plain words what works and what does not; exits with 1 if anything does not')
    .action(async () => {
      const config = loadConfig();
      const adminToken = knownAdminToken(config);
      const { TENANTRY_API_PORT: apiPort, TENANTRY_OTLP_HTTP_PORT: otlpPort } = config;
      const checks = [
        ...(await orFailure('ingest', otlpPort, () => checkIngest(otlpPort))),
        ...(await orFailure('server', apiPort, () => checkServer(apiPort, adminToken))),
        // Asked with the admin token; without one there is nobody to tell it to.
        ...(adminToken === undefined ? [] : await orFailure('telemetry', apiPort, () => checkFlow(config))),
        ...(adminToken === undefined ? [] : await orFailure('alerts', apiPort, () => checkAlerts(config))),
      ];
      for (const { name, ok, detail } of checks) print(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(10)}  ${detail}`);
      if (checks.some(({ ok }) => !ok)) process.exitCode = 1;
    });
}
