import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Bills, LedgerReader } from '../api/bills-ports.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { CostDaysReader } from '../domain/cost.ts';
import { TenantryError, toError } from '../domain/errors.ts';
import { BillStore } from '../store/postgres/bill-store.ts';
import { CostExportStore } from '../store/postgres/cost-export-store.ts';
import { CostRuleStore } from '../store/postgres/cost-rule-store.ts';
import { CostShareStore } from '../store/postgres/cost-share-store.ts';
import { CostStore } from '../store/postgres/cost-store.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import type { BillUsageReader } from './bill-usage.ts';
import { BillDesk } from './bills.ts';
import { CostLedger } from './costs.ts';
import type { AiCostReader } from './costs-ai.ts';
import { explainCosts } from './costs-explain.ts';
import { focusExport } from './export-focus.ts';

const BILLING: StaffActor = { kind: 'system', subject: 'billing' };
/** A month of a large cloud bill by hour and resource, packed, is some hundred MB. */
const MOST_BYTES = 2 * 1024 ** 3;

export interface BillingOptions {
  readonly postgres: Postgres;
  readonly dataDir: string;
  readonly usage: BillUsageReader;
  readonly ai: AiCostReader;
  /** The largest file that is taken. */
  readonly mostBytes?: number;
}

/** Everything about bills and costs. */
export function startBilling({ postgres, dataDir, usage, ai, mostBytes = MOST_BYTES }: BillingOptions): {
  readonly bills: Bills;
  readonly costs: LedgerReader & CostDaysReader;
} {
  const stores = {
    bills: new BillStore(postgres),
    rules: new CostRuleStore(postgres),
    shares: new CostShareStore(postgres),
  };
  const ledgerStore = new CostStore(postgres);
  const ledger = new CostLedger(ledgerStore, ai);
  const desk = new BillDesk(stores, {
    ...{ usage, ai },
    tenants: () => stores.shares.tenants(BILLING),
    plansAt: (at) => stores.shares.plansAt(BILLING, at),
  });
  const exportSource = {
    store: new CostExportStore(postgres),
    directRules: async (version: number) => {
      const rules = (await stores.rules.rules(BILLING, version))?.rules ?? [];
      return new Set(rules.filter(({ method }) => method.kind === 'direct').map(({ id }) => id));
    },
  };
  return {
    bills: {
      importBill: (actor, file, { fileName, ...request }) =>
        onDisk(join(dataDir, 'bills-incoming'), file, mostBytes, (path) =>
          desk.importFile(actor, { path, name: fileName }, request),
        ),
      list: (actor, page) => desk.list(actor, page),
      find: async (actor, id) => {
        const bill = await desk.find(actor, id);
        return bill === undefined ? undefined : { bill, sums: await stores.shares.sums(actor, id) };
      },
      remove: (actor, id) => desk.remove(actor, id),
      preview: (actor, id, rules) => desk.preview(actor, id, rules),
      allocate: (actor, id) => desk.allocate(actor, id),
      rules: (actor, version) => desk.rules(actor, version),
      ruleVersions: (actor) => desk.ruleVersions(actor),
      changeRules: (actor, change) => desk.changeRules(actor, change),
    },
    costs: {
      costs: (question) => ledger.costs(question),
      days: (question) => ledger.days(question),
      sums: ({ window, currency, by }) => ledgerStore.sums(BILLING, window, currency, by),
      explain: (question) => explainCosts(stores, question),
      focus: async function* (question) {
        const { window, currency = (await ledgerStore.currencies(BILLING, window))[0] ?? 'USD' } = question;
        yield* focusExport(exportSource, { ...question, currency });
      },
    },
  };
}

/**
 * Brings an upload to disk, where Parquet can be read from its end and a slow sender holds nothing but a file open; the
 * file goes when `work` has ended.
 */
async function onDisk<T>(
  folder: string,
  file: AsyncIterable<Uint8Array>,
  mostBytes: number,
  work: (path: string) => Promise<T>,
): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const own = await mkdtemp(join(folder, 'bill-'));
  const path = join(own, 'file');
  try {
    await pipeline(Readable.from(bounded(file, mostBytes)), createWriteStream(path, { mode: 0o600 })).catch((error) => {
      if (error instanceof TenantryError) throw error;
      throw new TenantryError('BAD_REQUEST', `The file did not arrive whole: ${toError(error).message}`, {
        cause: error,
      });
    });
    return await work(path);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

async function* bounded(file: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of file) {
    bytes += chunk.length;
    if (bytes > mostBytes) {
      throw new TenantryError('BODY_TOO_LARGE', `The file has more than ${mostBytes} bytes.`, {
        hint: 'Pack it with gzip, or import it in parts, each with an invoice name of its own (invoice=…).',
      });
    }
    yield chunk;
  }
}
