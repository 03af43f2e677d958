import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { ApprovalList, KillSwitchItem, RuleStageItem } from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { TenantryError } from '../../domain/errors.ts';
import { askServer } from '../api-client.ts';
import { type DrillPhase, drill } from '../control-drill.ts';
import { print, printTable } from '../terminal.ts';

const URL_OF_SWITCH = '/v1/control/kill-switch';

const share = (text: string) => {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('Give a share above 0 and up to 1.');
  return value;
};
const seconds = (text: string) => {
  const value = Number(text);
  if (!(value > 0 && value <= 300)) throw new InvalidArgumentError('Give seconds, up to 300.');
  return value;
};

function show({ on, reason, by, at, source, revision }: KillSwitchItem): void {
  if (!on) {
    print('The kill switch is off: automation does what it may.');
    return;
  }
  const where = revision === null ? 'on this server alone' : 'on every server';
  print(`The kill switch is ON ${where} (${source}) since ${at ?? '?'}, by ${by ?? '?'}: ${reason}`);
}

/** Without a server the file does it: whoever runs reads it within a second, whoever starts at once. */
async function setByFile(on: boolean, reason: string): Promise<void> {
  const file = join(loadConfig().TENANTRY_DATA_DIR, 'kill-switch');
  if (on) await writeFile(file, JSON.stringify({ reason, by: 'command line', at: Date.now() }));
  else await rm(file, { force: true });
  print(
    `No server answers; the file ${file} ${on ? 'switches' : 'no longer switches'} automation off on this machine.`,
  );
}

async function setSwitch(on: boolean, reason: string): Promise<void> {
  try {
    show(await askServer<KillSwitchItem>(loadConfig(), 'PUT', URL_OF_SWITCH, { on, reason }));
  } catch (thrown) {
    const isAlone = thrown instanceof TenantryError && ['STORE_UNAVAILABLE', 'UNAUTHENTICATED'].includes(thrown.code);
    if (!isAlone) throw thrown;
    await setByFile(on, reason);
  }
}

function killSwitchCommand(): Command {
  const command = new Command('kill-switch').description('switch automatic throttling off and on');
  command
    .command('on')
    .description('no automatic throttle is set, and none is told to apps; what people set stays')
    .requiredOption('--reason <text>', 'why; people read it')
    .action(({ reason }: { reason: string }) => setSwitch(true, reason));
  command
    .command('off')
    .description('let automation act again')
    .requiredOption('--reason <text>', 'why; people read it')
    .action(({ reason }: { reason: string }) => setSwitch(false, reason));
  command
    .command('status')
    .description('whether it is on, since when, and who said so')
    .action(async () => show(await askServer<KillSwitchItem>(loadConfig(), 'GET', URL_OF_SWITCH)));
  return command;
}

function showDrill(phases: readonly DrillPhase[], withinSeconds: number): void {
  const ms = (value: number | null) => (value === null ? '-' : `${Math.round(value)} ms`);
  printTable([
    ['SWITCH', 'INSTANCES', 'REACHED', 'P50', 'P99', 'SLOWEST', `WITHIN ${withinSeconds} s`],
    ...phases.map(({ phase, instances, reached, p50Ms, p99Ms, slowestMs, passed }) => [
      ...[phase, String(instances), String(reached), ms(p50Ms), ms(p99Ms), ms(slowestMs)],
      passed ? 'passed' : 'FAILED',
    ]),
  ]);
}

interface DrillSettings {
  readonly seconds: number;
  readonly share: number;
}

async function runDrill({ seconds: withinSeconds, share: least }: DrillSettings): Promise<void> {
  const config = loadConfig();
  const phases = await drill({
    ask: (method, path, body) => askServer(config, method, path, body),
    reason: 'a drill',
    withinSeconds,
    share: least,
    wait: (ms) => delay(ms),
    monotonicMs: () => performance.now(),
  });
  showDrill(phases, withinSeconds);
  if (phases.every(({ passed }) => passed)) return;
  throw new TenantryError('CONFLICT', 'The kill switch did not reach enough app instances in time.', {
    hint: 'GET /v1/flags/instances shows who is connected and what each obeys; no instance at all proves nothing.',
  });
}

async function listApprovals(): Promise<void> {
  const { items } = await askServer<ApprovalList>(loadConfig(), 'GET', '/v1/control/approvals?pending=true');
  if (items.length === 0) {
    print('Nothing waits for a person.');
    return;
  }
  const rows = items.map((one) => [one.id, one.kind, one.tenant_id ?? '-', one.expires_at, one.explanation]);
  printTable([['APPROVAL', 'KIND', 'TENANT', 'UNTIL', 'WHAT'], ...rows]);
}

async function listRules(): Promise<void> {
  const { items } = await askServer<{ items: RuleStageItem[] }>(loadConfig(), 'GET', '/v1/control/rules');
  const rows = items.map(({ rule, stage, since, evidence, next }) => [
    ...[rule, stage, since, String(evidence.shadow_throttles), String(evidence.enforced_throttles)],
    next === null ? '-' : `${next.stage}: ${next.problem ?? 'may be asked for'}`,
  ]);
  printTable([['RULE', 'STAGE', 'SINCE', 'IN SHADOW', 'ENFORCED', 'NEXT'], ...rows]);
}

export function controlCommand(): Command {
  const command = new Command('control').description('kill switch, drills, stages and approvals of automation');
  command.addCommand(killSwitchCommand());
  command
    .command('drill')
    .description('switch automation off and on for moments, and see every app instance obey')
    .option('--seconds <n>', 'how long each may take', seconds, 5)
    .option('--share <n>', 'share of the instances that must obey in that time', share, 0.99)
    .action(runDrill);
  command.command('rules').description('how far each rule may go, and what its next stage lacks').action(listRules);
  command.command('approvals').description('what waits for a person').action(listApprovals);
  command
    .command('approve <id>')
    .description('agree to what waits under this id')
    .option('--note <text>', 'why; people read it')
    .action((id: string, { note }: { note?: string }) => answer(id, 'approve', note));
  command
    .command('deny <id>')
    .description('decide against what waits under this id')
    .option('--note <text>', 'why; people read it')
    .action((id: string, { note }: { note?: string }) => answer(id, 'deny', note));
  return command;
}

async function answer(id: string, verb: 'approve' | 'deny', note: string | undefined): Promise<void> {
  const path = `/v1/control/approvals/${encodeURIComponent(id)}/${verb}`;
  await askServer(loadConfig(), 'POST', path, note === undefined ? {} : { note });
  print(`Approval ${id}: ${verb === 'approve' ? 'approved' : 'denied'}.`);
}
