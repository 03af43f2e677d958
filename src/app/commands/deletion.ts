import { Command } from 'commander';
import type {
  DeletionCertificateItem,
  DeletionCertificateList,
  DeletionRequestItem,
  DeletionRequestList,
  DeletionVerification,
} from '../../api/deletions-contract.ts';
import { loadConfig } from '../../config/config.ts';
import { MINUTE_MS } from '../../domain/window.ts';
import { askServer, fetchFromServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

/** Every file of the data directory may be searched. */
const VERIFY_TIMEOUT_MS = 2 * MINUTE_MS;
const certificatePath = (id: string) => `/v1/deletion-certificates/${encodeURIComponent(id)}`;
const requestPath = (id: string, tenant: string, action = '') =>
  `/v1/deletion-requests/${encodeURIComponent(id)}${action}?${new URLSearchParams({ tenant_id: tenant })}`;

async function list(): Promise<void> {
  const { items } = await askServer<DeletionRequestList>(loadConfig(), 'GET', '/v1/deletion-requests?open=true');
  if (items.length === 0) print('Nobody asks to be deleted.');
  else {
    const row = ({ id, tenant_id: tenant, state, not_before: day, next_step: next }: DeletionRequestItem) => {
      return [id, tenant, state, day, next];
    };
    printTable([['REQUEST', 'TENANT', 'STATE', 'NOT BEFORE', 'WHAT HAPPENS'], ...items.map(row)]);
  }
}

interface RequestFlags {
  readonly reason: string;
  readonly legalBasis?: string;
  readonly days?: string;
}

async function request(tenant: string, { reason, legalBasis, days }: RequestFlags): Promise<void> {
  const made = await askServer<DeletionRequestItem>(loadConfig(), 'POST', '/v1/deletion-requests', {
    ...{ tenant_id: tenant, reason },
    ...(legalBasis === undefined ? {} : { legal_basis: legalBasis }),
    ...(days === undefined ? {} : { waiting_days: Number(days) }),
  });
  print(`Request ${made.id}: ${made.next_step}`);
}

async function cancel(tenant: string, id: string): Promise<void> {
  const { next_step: next } = await askServer<DeletionRequestItem>(loadConfig(), 'DELETE', requestPath(id, tenant));
  print(next);
}

async function start(tenant: string, id: string): Promise<void> {
  const path = requestPath(id, tenant, '/start');
  const { next_step: next } = await askServer<DeletionRequestItem>(loadConfig(), 'POST', path);
  print(`${next} Its certificate will be ${id}.`);
}

async function certificates(): Promise<void> {
  const { items } = await askServer<DeletionCertificateList>(loadConfig(), 'GET', '/v1/deletion-certificates');
  if (items.length === 0) print('No tenant was deleted.');
  else {
    const row = (item: DeletionCertificateList['items'][number]) => {
      return [item.id, item.finished_at, item.pseudonym, String(item.rows_deleted), item.legal_basis];
    };
    printTable([['CERTIFICATE', 'FINISHED', 'TENANT', 'ROWS', 'LEGAL BASIS'], ...items.map(row)]);
  }
}

/** The signed text and the signature as one JSON document, for whoever keeps it elsewhere. */
async function show(id: string): Promise<void> {
  const found = await askServer<DeletionCertificateItem>(loadConfig(), 'GET', certificatePath(id));
  print(JSON.stringify(found, null, 2));
}

async function verify(id: string, { tenant }: { tenant?: string }): Promise<void> {
  const response = await fetchFromServer(loadConfig(), 'POST', `${certificatePath(id)}/verify`, {
    body: JSON.stringify(tenant === undefined ? {} : { tenant_id: tenant }),
    contentType: 'application/json',
    timeoutMs: VERIFY_TIMEOUT_MS,
  });
  const check = (await response.json()) as DeletionVerification;
  const yes = (isSo: boolean) => (isSo ? 'yes' : 'NO');
  printTable([
    ['signature good', yes(check.signature_good)],
    ['in the audit chain', yes(check.chained)],
    ['rewritten audit records as they were left', yes(check.audit_as_left)],
    ...check.proofs.map(({ place, result }) => [`rows of the tenant in ${place}`, String(result)]),
    [
      'files that name the tenant',
      check.files_left === null ? 'not searched (--tenant)' : String(check.files_left.length),
    ],
  ]);
  for (const file of check.files_left ?? []) print(`  ${file}`);
  if (check.entered_anew) print('The tenant was entered anew since: rows of it are no fault of the deletion.');
  if (check.holds) print('The certificate holds.');
  else {
    print('The certificate does not hold.');
    process.exitCode = 1;
  }
}

export function deletionCommand(): Command {
  const command = new Command('deletion').description('requests to delete tenants, and proofs that they were');
  command.command('list').description('requests that stand, and what happens with each').action(list);
  command
    .command('request')
    .argument('<tenant>')
    .description('close a tenant and ask for its deletion')
    .requiredOption('--reason <text>', 'why, in one sentence')
    .option('--legal-basis <text>', 'which duty or right is fulfilled; it stands in the certificate')
    .option('--days <n>', 'how long it can be taken back; default: the installation’s')
    .action(request);
  command
    .command('cancel')
    .argument('<tenant>')
    .argument('<request>')
    .description('take a request back: the tenant is as it was')
    .action(cancel);
  command
    .command('start')
    .argument('<tenant>')
    .argument('<request>')
    .description('delete a tenant whose waiting period is over; cannot be undone')
    .action(start);
  command.command('certificates').description('proofs of deletions, newest first').action(certificates);
  command
    .command('show')
    .argument('<certificate>')
    .description('a certificate with its signature, as JSON')
    .action(show);
  command
    .command('verify')
    .argument('<certificate>')
    .description(
      'check a certificate now: signature, audit chain, and every proof asked again; exits with 1 if it does not hold',
    )
    .option('--tenant <id>', 'search the files of the data directory for this id, too')
    .action(verify);
  return command;
}
