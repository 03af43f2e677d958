import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import type { StorageTargetItem, StorageTargetList } from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { TenantryError } from '../../domain/errors.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

const LOOK_EVERY_MS = 1_000;
const TARGETS = '/v1/storage/targets';

type Run = NonNullable<StorageTargetItem['run']>;

async function targets(): Promise<readonly StorageTargetItem[]> {
  return (await askServer<StorageTargetList>(loadConfig(), 'GET', TARGETS)).items;
}

/** How far a run has come, in a few words. */
function progressText({ progress, state, error }: Run): string {
  const parts = [state === 'running' && error !== null ? 'waiting for another attempt' : state];
  if (progress !== null) {
    const { steps_done: done, steps_total: of, read, of: all, unit } = progress;
    if (of !== null) parts.push(`${done} of ${of} steps`);
    parts.push(all === null ? `${read} ${unit}` : `${read} of ${all} ${unit}${shareText(read, all)}`);
  }
  if (error !== null) parts.push(error);
  return parts.join(', ');
}

function shareText(part: number, of: number): string {
  return of === 0 ? '' : ` (${((100 * part) / of).toFixed(1)} %)`;
}

async function status(): Promise<void> {
  const items = await targets();
  if (items.length === 0) {
    print('Nothing is measured; `tenantry storage add <file>` sets up a target.');
    return;
  }
  printTable([
    ['TARGET', 'NAME', 'KIND', 'EVERY', 'LAST RUN', 'HOW IT WENT', 'SKIPPED'],
    ...items.map(({ id, name, kind, interval_seconds: seconds, run }) => {
      const last =
        run === null ? ['-', 'not yet', '-'] : [run.started_at, progressText(run), String(run.skipped.length)];
      return [id, name, kind, `${seconds} s`, ...last];
    }),
  ]);
  for (const { name, run } of items) {
    for (const skipped of run?.skipped ?? []) print(`${name}: ${skipped.name} was left out: ${skipped.reason}`);
  }
}

/** From a file and not from options: a target has many settings, and a file can be kept. */
async function readTarget(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path === '-' ? '/dev/stdin' : path, 'utf8'));
  } catch (cause) {
    throw new TenantryError('BAD_REQUEST', `${path} cannot be read as JSON.`, {
      hint: '{"name": "orders-db", "kind": "postgres", "settings": {"url_ref": "env:ORDERS_DB_URL"}}',
      cause,
    });
  }
}

/** Asks for a run and tells of it until it has ended. */
async function collect(nameOrId: string): Promise<void> {
  const target = (await targets()).find(({ id, name }) => id === nameOrId || name === nameOrId);
  if (target === undefined) {
    throw new TenantryError('NOT_FOUND', `There is no target ${nameOrId}.`, {
      hint: '`tenantry storage targets` lists them.',
    });
  }
  const before = target.run?.state === 'running' ? undefined : target.run?.id;
  await askServer(loadConfig(), 'POST', `${TARGETS}/${encodeURIComponent(target.id)}/collect`);
  let told = '';
  for (;;) {
    const run = (await targets()).find(({ id }) => id === target.id)?.run ?? null;
    if (run !== null && run.id !== before) {
      const text = progressText(run);
      if (text !== told) print(`${target.name}: ${text}`);
      told = text;
      if (run.state === 'failed') process.exitCode = 1;
      if (run.state !== 'running') return;
    }
    await delay(LOOK_EVERY_MS);
  }
}

export function storageCommand(): Command {
  const command = new Command('storage').description('list, measure and watch what tenants store; set up targets');
  command.command('status').alias('targets').description('what is measured, and how the last runs went').action(status);
  command
    .command('add <file>')
    .description('set up a target from a JSON file (- for standard input), as POST /v1/storage/targets takes it')
    .action(async (path: string) => {
      const made = await askServer<StorageTargetItem>(loadConfig(), 'POST', TARGETS, await readTarget(path));
      print(`Target ${made.id} (${made.name}) is measured every ${made.interval_seconds} s, first in a few seconds.`);
    });
  command
    .command('collect <target>')
    .description('measure a target now, by name or id, and tell how it goes')
    .action(collect);
  command
    .command('remove <target>')
    .description('measure a target (its id) no more; what was measured stays')
    .action(async (id: string) => {
      await askServer(loadConfig(), 'DELETE', `${TARGETS}/${encodeURIComponent(id)}`);
      print(`Target ${id} is gone.`);
    });
  return command;
}
