import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type {
  BookWriteItem,
  PriceImportPreview,
  PriceItem,
  PriceList,
  RepricingItem,
  RepricingPreview,
  UnpricedList,
} from '../../api/contract.ts';
import { loadConfig } from '../../config/config.ts';
import { TenantryError, toError } from '../../domain/errors.ts';
import { PRICE_LAYERS, PRICE_UNITS, PRICE_VARIANTS } from '../../domain/price.ts';
import { askServer } from '../api-client.ts';
import { print, printProgress, printTable } from '../terminal.ts';

const PAGE = 500;
/** Lines of each kind that a preview shows on the terminal; the counts are of all. */
const SHOWN = 20;
const MICRO = 1e6;

const period = ({ effective_from: from, effective_to: to }: Pick<PriceItem, 'effective_from' | 'effective_to'>) =>
  `${from ?? 'ever'} to ${to ?? 'further notice'}`;

const amount = ({ price_usd, per, unit, steps }: Pick<PriceItem, 'price_usd' | 'per' | 'unit' | 'steps'>) =>
  [
    `$${price_usd} / ${per === 1 ? unit : `${per / 1e6}M ${unit}s`}`,
    ...steps.map((step) => `$${step.price_usd} above ${step.input_over}`),
  ].join(', ');

const nameOf = ({ provider, model, variant, kind }: Pick<PriceItem, 'provider' | 'model' | 'variant' | 'kind'>) =>
  `${provider} ${model} ${kind}${variant === 'standard' ? '' : ` (${variant})`}`;

async function pages(query: Readonly<Record<string, string>>, limit: number): Promise<PriceItem[]> {
  const config = loadConfig();
  const items: PriceItem[] = [];
  let cursor: string | null = null;
  do {
    // The same size each time: a cursor belongs to its question.
    const params = new URLSearchParams({
      ...query,
      limit: String(Math.min(PAGE, limit)),
      ...(cursor === null ? {} : { cursor }),
    });
    const page: PriceList = await askServer<PriceList>(config, 'GET', `/v1/prices?${params}`);
    items.push(...page.items);
    if (page.total > PAGE) printProgress(`${items.length} of ${Math.min(limit, page.total)} prices`);
    cursor = page.next_cursor;
  } while (cursor !== null && items.length < limit);
  return items.slice(0, limit);
}

function show(items: readonly PriceItem[]): void {
  if (items.length === 0) {
    print('No price.');
    return;
  }
  printTable([
    ['ID', 'WHOSE', 'PROVIDER', 'MODEL', 'KIND', 'PRICE', 'HOLDS', 'SOURCE'],
    ...items.map((item) => [
      item.id,
      item.tenant_id ?? item.contract ?? item.layer,
      item.provider,
      item.model,
      item.variant === 'standard' ? item.kind : `${item.kind} (${item.variant})`,
      amount(item),
      item.daily === null ? period(item) : `${item.daily.from}-${item.daily.to} UTC, ${period(item)}`,
      `${item.source} ${item.source_ref}`.trim(),
    ]),
  ]);
}

function showPreview({ counts, added, changed, removed, errors, skipped }: PriceImportPreview): void {
  const lines = (title: string, all: number, texts: readonly string[]) => {
    if (all === 0) return;
    print(`${title}: ${all}`);
    for (const text of texts.slice(0, SHOWN)) print(`  ${text}`);
    if (all > SHOWN) print(`  … and ${all - SHOWN} more`);
  };
  const problems = (all: PriceImportPreview['errors']) => all.map(({ where, reason }) => `${where}: ${reason}`);
  lines(
    'Added',
    counts.added,
    added.map((item) => `${nameOf(item)} ${amount(item)}, ${period(item)}`),
  );
  lines(
    'Changed',
    counts.changed,
    changed.map(
      ({ before, after }) => `${nameOf(after)} ${before.map(amount).join('; ')} -> ${amount(after)}, ${period(after)}`,
    ),
  );
  lines(
    'Ended',
    counts.removed,
    removed.map((item) => `${nameOf(item)} ${amount(item)}`),
  );
  lines('Not importable', counts.skipped, problems(skipped));
  lines('Errors', counts.errors, problems(errors));
  print(`${counts.unchanged} prices stay as they are.`);
}

interface ImportOptions {
  format: 'litellm' | 'csv' | 'genai-prices';
  effectiveFrom?: string;
  remove?: true;
  apply?: true;
  reason?: string;
}

async function importFile(file: string | undefined, options: ImportOptions): Promise<void> {
  const { format, effectiveFrom, remove = false, apply, reason } = options;
  if ((file === undefined) !== (format === 'genai-prices')) {
    throw new TenantryError('BAD_REQUEST', 'Give a file; but for genai-prices, whose list comes with Tenantry, none.');
  }
  const text = file === undefined ? '' : await readText(file);
  const body = {
    ...{ format, text, remove, file_name: file === undefined ? '' : basename(file) },
    ...(effectiveFrom === undefined ? {} : { effective_from: effectiveFrom }),
  };
  const config = loadConfig();
  printProgress('reading the list and comparing it with the book');
  const preview = await askServer<PriceImportPreview>(config, 'POST', '/v1/prices/imports/preview', body);
  showPreview(preview);
  if (preview.counts.errors > 0)
    throw new TenantryError('BAD_REQUEST', 'The list has errors; nothing can be imported.');
  if (apply !== true) {
    print('Nothing is written yet: the same with --apply takes it into the book.');
    return;
  }
  printProgress('writing');
  const written = await askServer<BookWriteItem>(config, 'POST', '/v1/prices/imports', {
    ...body,
    ...{ expected_version: preview.version, reason: reason ?? `import of ${file ?? format}` },
  });
  print(`The book is at version ${written.version}: ${written.added} prices added, ${written.ended} ended.`);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new TenantryError('BAD_REQUEST', `${file} cannot be read: ${toError(cause).message}`, { cause });
  }
}

interface AddOptions {
  per?: number;
  variant: string;
  from?: string;
  to?: string;
  tenant?: string;
  contract?: string;
  reason: string;
}

async function add(provider: string, model: string, kind: string, price: string, options: AddOptions): Promise<void> {
  const { per, variant, from, to, tenant, contract, reason } = options;
  const given = {
    ...{ provider, model, kind, variant, price_usd: price },
    ...(per === undefined ? {} : { per }),
    ...(from === undefined ? {} : { effective_from: from }),
    ...(to === undefined ? {} : { effective_to: to }),
  };
  const path =
    tenant !== undefined
      ? '/v1/price-overrides'
      : contract === undefined
        ? '/v1/prices'
        : `/v1/contracts/${encodeURIComponent(contract)}/prices`;
  const body = { prices: [given], reason, ...(tenant === undefined ? {} : { tenant_id: tenant }) };
  const { version } = await askServer<BookWriteItem>(loadConfig(), 'POST', path, body);
  print(`The book is at version ${version}.`);
}

async function unpriced(options: { from?: string; to?: string }): Promise<void> {
  const query = new URLSearchParams({ ...options });
  const { items, from, to } = await askServer<UnpricedList>(loadConfig(), 'GET', `/v1/prices/unpriced?${query}`);
  if (items.length === 0) {
    print(`Every call from ${from} to ${to} has a price.`);
    return;
  }
  printTable([
    ['PROVIDER', 'MODEL', 'CALLS', 'TENANTS', 'WHY'],
    ...items.map((item) => [item.provider, item.model, String(item.calls), String(item.tenants), item.reason]),
  ]);
}

async function reprice(from: string, to: string, options: { apply?: true; reason?: string }): Promise<void> {
  const config = loadConfig();
  printProgress('pricing the months again');
  const preview = await askServer<RepricingPreview>(config, 'POST', '/v1/repricings/preview', { from, to });
  if (preview.total === 0) {
    print('Nothing differs.');
    return;
  }
  printTable([
    ['MONTH', 'TENANT', 'MODEL', 'BEFORE', 'AFTER', 'DIFFERENCE', 'UNPRICED CALLS'],
    ...preview.items
      .slice(0, SHOWN)
      .map((item) => [
        item.closed ? `${item.month} (closed)` : item.month,
        item.tenant_id,
        `${item.provider} ${item.model}`,
        item.before_usd,
        item.after_usd,
        item.difference_usd,
        `${item.unpriced_calls_before} -> ${item.unpriced_calls_after}`,
      ]),
  ]);
  if (preview.total > SHOWN) print(`… and ${preview.total - SHOWN} more`);
  print(`Corrections of closed months: $${(preview.correction_micro / MICRO).toFixed(6)}`);
  if (options.apply !== true) {
    print('Nothing is written yet: the same with --apply writes the corrections.');
    return;
  }
  printProgress('writing corrections');
  const written = await askServer<RepricingItem>(config, 'POST', '/v1/repricings', {
    ...{ from, to, expected_version: preview.version, reason: options.reason ?? 'repriced from the command line' },
  });
  print(`${written.lines} corrections are written as ${written.id}.`);
}

const wholePositive = (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Give a whole number above 0.');
  return value;
};

export function pricesCommand(): Command {
  const command = new Command('prices').description(
    'show, import and change AI prices, and reprice months that are over',
  );
  command
    .command('list [text]')
    .description('prices of the book whose provider or model contains a text')
    .addOption(new Option('--layer <layer>', 'whose word').choices([...PRICE_LAYERS]))
    .option('--at <time>', 'only what holds at this moment (RFC 3339)')
    .option('--limit <n>', 'at most so many', wholePositive, 200)
    .action(async (text: string | undefined, options: { layer?: string; at?: string; limit: number }) => {
      const { limit, ...query } = options;
      show(await pages({ ...query, ...(text === undefined ? {} : { q: text }) }, limit));
    });
  command
    .command('show <model>')
    .description('everything that the book says now of models with this name')
    .action(async (model: string) => {
      const found = await pages({ q: model, at: new Date().toISOString() }, PAGE);
      const exact = found.filter((item) => item.model === model.toLowerCase());
      show(exact.length > 0 ? exact : found);
    });
  command
    .command('import [file]')
    .description('take a price list into the book; without --apply only say what it would change')
    .addOption(
      new Option('--format <format>', 'what the file is')
        .choices(['litellm', 'csv', 'genai-prices'])
        .makeOptionMandatory(),
    )
    .option('--effective-from <time>', 'of lists without dates: from when changed prices hold (default: the next hour)')
    .option('--remove', 'end prices of the same source that the list has no more')
    .option('--apply', 'write it, all or nothing')
    .option('--reason <text>', 'for the audit log')
    .action(importFile);
  command
    .command('add <provider> <model> <kind> <price>')
    .description(`write one price in US dollars; kinds: ${Object.keys(PRICE_UNITS).join(', ')}`)
    .option('--per <n>', 'for so many units: 1, 1000 or 1000000 (default: 1000000 for tokens, else 1)', wholePositive)
    .addOption(new Option('--variant <tier>', 'service tier').choices([...PRICE_VARIANTS]).default('standard'))
    .option('--from <time>', 'since when (default: ever)')
    .option('--to <time>', 'until when (default: further notice)')
    .addOption(new Option('--tenant <id>', 'for this tenant alone').conflicts('contract'))
    .option('--contract <name>', 'in this contract')
    .requiredOption('--reason <text>', 'for the audit log')
    .action(add);
  command
    .command('unpriced')
    .description('models that were called and have no known price')
    .option('--from <time>', 'default: an hour before --to')
    .option('--to <time>', 'default: now')
    .action(unpriced);
  command
    .command('reprice <from> <to>')
    .description('what today’s prices change in months that are over (2026-09 2026-11: September and October)')
    .option('--apply', 'write the corrections of closed months')
    .option('--reason <text>', 'for the audit log')
    .action(reprice);
  return command;
}
