import { Command } from 'commander';
import type { QuarantineDetail, QuarantineItem, QuarantineList, SetAsideItem } from '../../api/quarantine-contract.ts';
import { loadConfig } from '../../config/config.ts';
import { TenantryError } from '../../domain/errors.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

const SHOWN_CHARACTERS = 80;
/** The most that one list holds. */
const PAGE = 1_000;
const short = (text: string) => (text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 1)}…` : text);
const pathOf = (id: string) => `/v1/quarantine/${encodeURIComponent(id)}`;

async function list(): Promise<void> {
  const { items, total, set_aside: aside } = await askServer<QuarantineList>(loadConfig(), 'GET', '/v1/quarantine');
  if (total === 0) print('No request is in quarantine.');
  else {
    const row = ({ id, kind, signal, bytes, quarantined_at: at, key_id: key, reason }: QuarantineItem) => {
      return [id, kind, signal, String(bytes), at ?? '-', key ?? '-', short(reason)];
    };
    printTable([['REQUEST', 'KIND', 'SIGNAL', 'BYTES', 'SINCE', 'KEY', 'REASON'], ...items.map(row)]);
    if (total > items.length) print(`… and ${total - items.length} older ones.`);
  }
  if (aside.length === 0) return;
  print('Set aside within seven days, with the reason:');
  const row = ({ kind, reason, service, key_id: key, count, last_at: at }: SetAsideItem) => {
    return [String(count), kind, reason, service, key, at];
  };
  printTable([['COUNT', 'WHAT', 'REASON', 'SERVICE', 'KEY', 'LAST'], ...aside.map(row)]);
}

async function show(id: string): Promise<void> {
  const { texts, ...item } = await askServer<QuarantineDetail>(loadConfig(), 'GET', pathOf(id));
  printTable(Object.entries(item).map(([name, value]) => [name, String(value ?? '-')]));
  print('Readable in it:');
  for (const text of texts) print(`  ${text}`);
}

async function replay(id: string): Promise<void> {
  await askServer(loadConfig(), 'POST', `${pathOf(id)}/replay`);
  print(`${id} waits to be loaded.`);
}

/** Those that are there when it begins: one that is refused again comes back under another id, and is left there. */
async function replayAll(): Promise<void> {
  const done = new Set<string>();
  const startedAt = new Date().toISOString();
  for (;;) {
    const { items } = await askServer<QuarantineList>(loadConfig(), 'GET', `/v1/quarantine?limit=${PAGE}`);
    const refused = items.filter(({ kind }) => kind === 'refused');
    const left = refused.filter(({ id, quarantined_at: at }) => !done.has(id) && (at === null || at < startedAt));
    if (left.length === 0) break;
    for (const { id } of left) {
      done.add(id);
      await replay(id);
    }
  }
  print(`${done.size} ${done.size === 1 ? 'request was' : 'requests were'} put back.`);
}

export function quarantineCommand(): Command {
  const command = new Command('quarantine').description(
    'telemetry that could not be loaded: look at it, load it again, drop it',
  );
  command.command('list').description('what there is, with the reason').action(list);
  command.command('show <request>').description('all that is known of one request').action(show);
  command
    .command('replay [request...]')
    .description('put requests back into the queue; each is loaded once, or comes back with the reason')
    .option('--all', 'every request that can be loaded')
    .action(async (ids: readonly string[], { all = false }: { all?: boolean }) => {
      if (all === ids.length > 0) {
        throw new TenantryError('BAD_REQUEST', 'Either requests or --all are to be replayed.', {
          hint: 'tenantry quarantine list shows what there is.',
        });
      }
      if (all) await replayAll();
      for (const id of ids) await replay(id);
    });
  command
    .command('drop <request...>')
    .description('delete requests for good')
    .action(async (ids: readonly string[]) => {
      for (const id of ids) {
        await askServer(loadConfig(), 'DELETE', pathOf(id));
        print(`${id} is gone.`);
      }
    });
  return command;
}
