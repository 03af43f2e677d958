import { Command, InvalidArgumentError, Option } from 'commander';
import type { CreatedKey, KeyItem, KeyList, NewKey, NewSignInLink, SignInLink } from '../../api/contract.ts';
import type { KeyRotation } from '../../api/keys-contract.ts';
import { loadConfig } from '../../config/config.ts';
import { KEY_SCOPES, type KeyScope, STAFF_ROLES, TENANT_ROLES } from '../../domain/roles.ts';
import { askServer } from '../api-client.ts';
import { print, printTable } from '../terminal.ts';

function scopes(text: string): KeyScope[] {
  const wanted = text.split(',').map((name) => name.trim());
  const known = KEY_SCOPES.filter((scope) => wanted.includes(scope));
  if (known.length !== wanted.length) {
    throw new InvalidArgumentError(`Give ${KEY_SCOPES.join(' or ')}, or both with a comma between them.`);
  }
  return known;
}

function wholeSeconds(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('Give a whole number of seconds.');
  return value;
}

function graceSeconds(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('Give a whole number of seconds, 0 to end the old secret at once.');
  }
  return value;
}

function show(items: readonly KeyItem[]): void {
  if (items.length === 0) {
    print('No key. (The one from the configuration is not listed.)');
    return;
  }
  printTable([
    ['ID', 'NAME', 'SCOPES', 'TENANT', 'SERVICE', 'STATUS', 'EXPIRES', 'LAST USED', 'MADE BY'],
    ...items.map((item) => [
      item.id,
      item.name,
      item.scopes.join(','),
      item.tenant_id ?? 'every',
      item.service ?? 'any',
      item.status,
      item.expires_at ?? 'never',
      item.last_used_at ?? 'never',
      item.created_by,
    ]),
  ]);
}

interface CreateOptions {
  name: string;
  scope: KeyScope[];
  tenant?: string;
  service?: string;
  expiresInSeconds?: number;
}

async function create({ name, scope, tenant, service, expiresInSeconds }: CreateOptions): Promise<void> {
  const wanted: NewKey = {
    name,
    scopes: scope,
    ...(tenant === undefined ? {} : { tenant_id: tenant }),
    ...(service === undefined ? {} : { service }),
    ...(expiresInSeconds === undefined ? {} : { expires_in_seconds: expiresInSeconds }),
  };
  const { key, ...item } = await askServer<CreatedKey>(loadConfig(), 'POST', '/v1/keys', wanted);
  show([item]);
  print('');
  print(`Key: ${key}`);
  print('Shown this once: only its hash is kept.');
}

async function rotate(id: string, options: { graceSeconds?: number; expiresInSeconds?: number }): Promise<void> {
  const wanted: KeyRotation = {
    ...(options.graceSeconds === undefined ? {} : { grace_seconds: options.graceSeconds }),
    ...(options.expiresInSeconds === undefined ? {} : { expires_in_seconds: options.expiresInSeconds }),
  };
  const path = `/v1/keys/${encodeURIComponent(id)}/rotate`;
  const { key, ...item } = await askServer<CreatedKey>(loadConfig(), 'POST', path, wanted);
  show([item]);
  print('');
  print(`New secret: ${key}`);
  print('Shown this once: only its hash is kept.');
  print(
    item.previous_expires_at === null
      ? 'The old secret is not taken any more.'
      : `The old secret works until ${item.previous_expires_at}; \`tenantry key end-previous ${id}\` ends it earlier.`,
  );
}

async function signIn({ role, tenant }: { role: NewSignInLink['role']; tenant?: string }): Promise<void> {
  const wanted: NewSignInLink = { role, ...(tenant === undefined ? {} : { tenant_id: tenant }) };
  const { link, expires_at } = await askServer<SignInLink>(loadConfig(), 'POST', '/v1/sign-in-links', wanted);
  print(link);
  print(`Works once, until ${expires_at}.`);
}

export function keyCommand(): Command {
  const command = new Command('key').description(
    'keys of apps and exporters, and sign-in links, of a running Tenantry',
  );
  command
    .command('list')
    .description('every key there ever was, newest first')
    .action(async () => show((await askServer<KeyList>(loadConfig(), 'GET', '/v1/keys')).items));
  command
    .command('create')
    .description('make a key; it is printed once')
    .requiredOption('--name <text>', 'what it is for; people read it')
    .requiredOption('--scope <scopes>', 'ingest (send telemetry), flags (read flags), or both: ingest,flags', scopes)
    .option('--tenant <id>', 'the one tenant that it may speak for')
    .option('--service <name>', 'the service that it belongs to')
    .option('--expires-in-seconds <n>', 'how long it works; without it, until it is revoked', wholeSeconds)
    .action(create);
  command
    .command('rotate <id>')
    .description('give a key a new secret, printed once; the old one works for a day yet, or as long as you say')
    .option('--grace-seconds <n>', 'how long the old secret works beside the new one; 0 ends it at once', graceSeconds)
    .option('--expires-in-seconds <n>', 'how long the key works from now on; without it, as before', wholeSeconds)
    .action(rotate);
  command
    .command('end-previous <id>')
    .description('end the secret from before the last rotation now')
    .action(async (id: string) => {
      await askServer<KeyItem>(loadConfig(), 'DELETE', `/v1/keys/${encodeURIComponent(id)}/previous`);
      print(`The old secret of key ${id} is not taken any more.`);
    });
  command
    .command('revoke <id>')
    .description('end a key; within seconds nothing takes it any more')
    .action(async (id: string) => {
      await askServer(loadConfig(), 'DELETE', `/v1/keys/${encodeURIComponent(id)}`);
      print(`Key ${id} is revoked.`);
    });
  command
    .command('sign-in')
    .description('make a link that signs one browser in, once; for development')
    .addOption(
      new Option('--role <role>', 'whom it signs in').choices([...STAFF_ROLES, ...TENANT_ROLES]).makeOptionMandatory(),
    )
    .option('--tenant <id>', 'needed for the roles of a tenant')
    .action(signIn);
  return command;
}
