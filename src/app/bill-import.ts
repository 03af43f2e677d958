/** From a file to bills that count: read, checked, shared out, kept; or refused as a whole, with every line that is why. */
import { createHash, randomUUID } from 'node:crypto';
import { type BillContents, type BillReadOptions, isProblem } from '../cost/bill-reader.ts';
import { roundTogether } from '../cost/share.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { BillLine, BillProblem } from '../domain/bill.ts';
import { BillRefused } from '../domain/bill-refused.ts';
import { EXACT_PER_MICRO, MOST_MICRO, microFromExact, parseRate, RATE_ONE } from '../domain/cost-amount.ts';
import { TenantryError } from '../domain/errors.ts';
import { DAY_MS } from '../domain/window.ts';
import type { BillStore } from '../store/postgres/bill-store.ts';
import type { LinesSummary } from '../store/postgres/bill-summary.ts';
import { withBillFile } from './bill-file.ts';

export interface ImportOptions extends BillReadOptions {
  /** Currency -> what one is in `into`, as decimal text. */
  readonly rates: Readonly<Record<string, string>>;
  /** Currency of the bill where rates are given. */
  readonly into: string;
  /** Lines in several currencies become as many bills. */
  readonly split: boolean;
  /** Lines that are alike in every cell are wanted. */
  readonly allowIdentical: boolean;
}

/** Lines that are in the database and count nowhere yet. */
export interface StagedBill {
  readonly id: string;
  readonly summary: LinesSummary;
  readonly currency: string;
  readonly rates: Readonly<Record<string, string>>;
  readonly billMicro: bigint;
  readonly days: readonly { readonly day: number; readonly booked: number; readonly micro: bigint }[];
}

const LINES_AT_ONCE = 1_000;
const MOST_PROBLEMS = 1_000;
const MOST_LINES = 5_000_000;
const KEY_BYTES = 15;

export class BillImport {
  readonly #store: BillStore;

  constructor(store: BillStore) {
    this.#store = store;
  }

  /**
   * Brings a file's lines into the database, where they count nowhere: one bill, or one for each currency.
   * @throws BillRefused for lines that cannot be used; TenantryError BAD_REQUEST for a file that is no bill. Nothing is left then.
   */
  async stage(
    actor: StaffActor,
    file: { path: string; name: string },
    options: ImportOptions,
  ): Promise<readonly StagedBill[]> {
    const ids = new Map<string, string>();
    try {
      await withBillFile(file.path, options, (contents) => this.#read(actor, contents, ids, file.name, options));
      await this.#refuseDuplicates(actor, [...ids.values()], options);
      const closed = await this.#store.closedMonths(actor);
      const staged: StagedBill[] = [];
      for (const id of ids.values()) {
        staged.push(stagedBill(id, await this.#store.summary(actor, id), { ...options, closed }));
      }
      return staged;
    } catch (error) {
      await this.discard(actor, [...ids.values()]);
      throw error;
    }
  }

  async discard(actor: StaffActor, ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.#store.discard(actor, id);
  }

  async #read(
    actor: StaffActor,
    contents: BillContents,
    ids: Map<string, string>,
    fileName: string,
    options: ImportOptions,
  ): Promise<void> {
    const problems: BillProblem[] = [];
    const waiting = new Map<string, BillLine[]>();
    let [bad, count] = [0, 0];
    const flush = async (bill: string, lines: BillLine[]) => {
      let id = ids.get(bill);
      if (id === undefined) {
        id = randomUUID();
        ids.set(bill, id);
        const { format, focusVersion } = contents;
        await this.#store.begin(actor, { id, format, focusVersion, fileName, measure: options.measure });
      }
      await this.#store.addLines(actor, id, lines, lines.map(lineKey));
    };
    for await (const piece of contents.lines) {
      for (const item of piece) {
        count += 1;
        if (isProblem(item)) {
          bad += 1;
          if (problems.length < MOST_PROBLEMS) problems.push(item);
        } else if (bad === 0) {
          const bill = options.split ? item.currency : '';
          const lines = waiting.get(bill) ?? [];
          waiting.set(bill, lines);
          lines.push(item);
        }
      }
      if (count > MOST_LINES) {
        throw new TenantryError('BODY_TOO_LARGE', `The bill has more than ${MOST_LINES} lines.`, {
          hint: 'Import it in parts, each with a name of its own (invoice=…), or from an export by day instead of hour.',
        });
      }
      for (const [bill, lines] of waiting) {
        while (bad === 0 && lines.length >= LINES_AT_ONCE) await flush(bill, lines.splice(0, LINES_AT_ONCE));
      }
    }
    if (bad > 0) throw new BillRefused(problems, bad);
    if (count === 0) {
      throw new TenantryError('BAD_REQUEST', 'The file has a header and no line.', { hint: 'Export the bill again.' });
    }
    for (const [bill, lines] of waiting) if (lines.length > 0) await flush(bill, lines);
  }

  async #refuseDuplicates(actor: StaffActor, ids: readonly string[], options: ImportOptions): Promise<void> {
    for (const id of ids) {
      const duplicates = await this.#store.duplicates(actor, id, options.allowIdentical);
      if (duplicates.length > 0) throw new BillRefused(duplicates, duplicates.length);
    }
  }
}

/** Hex: what `key` says in a byte, and 15 bytes of a hash, which no two of 10^12 lines share by chance. */
function lineKey({ key }: BillLine): string {
  const digest = createHash('sha256').update(key).digest().subarray(0, KEY_BYTES).toString('hex');
  return `${key.startsWith('id ') ? '01' : '02'}${digest}`;
}

function stagedBill(
  id: string,
  summary: LinesSummary,
  { rates, into, closed }: ImportOptions & { readonly closed: ReadonlySet<number> },
): StagedBill {
  const { currency, rates: used } = conversion(summary, rates, into);
  const factor = new Map(Object.entries(used).map(([from, rate]) => [from, parseRate(rate) ?? RATE_ONE]));
  const exact = new Map<number, bigint>();
  for (const { day, currency: from, atto } of summary.days) {
    exact.set(day, (exact.get(day) ?? 0n) + atto * (factor.get(from) ?? RATE_ONE));
  }
  const sums = [...exact.values()];
  const billMicro = microFromExact(sums.reduce((sum, one) => sum + one, 0n));
  const largest = sums.reduce((sum, one) => sum + (one < 0n ? -one : one), 0n);
  if (largest / EXACT_PER_MICRO > MOST_MICRO) {
    throw new TenantryError('BAD_REQUEST', `The bill is more than ${MOST_MICRO / 1_000_000n} ${currency}.`, {
      hint: 'Give an exchange rate into a currency with larger units, such as rate=VND=0.000039.',
    });
  }
  const micros = roundTogether(sums, EXACT_PER_MICRO, billMicro);
  const days = [...exact.keys()].map((day, index) => ({
    day,
    booked: bookedDay(day, closed),
    micro: micros[index] ?? 0n,
  }));
  return { id, summary, currency, rates: used, billMicro, days };
}

/** The bill's currency, and the rates that its lines need. */
function conversion(
  { currencies }: LinesSummary,
  rates: ImportOptions['rates'],
  into: string,
): Pick<StagedBill, 'currency' | 'rates'> {
  const [only] = currencies;
  if (only !== undefined && currencies.length === 1 && rates[only.currency] === undefined) {
    return { currency: only.currency, rates: {} };
  }
  const without = currencies.filter(({ currency }) => currency !== into && rates[currency] === undefined);
  if (without.length > 0) {
    const all = currencies.map(
      ({ currency, lines, firstLine }) => `${currency} (${lines} lines, the first is ${firstLine})`,
    );
    throw new TenantryError('BILL_REFUSED', `The bill mixes currencies: ${all.join(', ')}.`, {
      hint: `Import it with split, as one bill for each currency, or give rates: ${without.map(({ currency }) => `rate=${currency}=…`).join(' ')}.`,
    });
  }
  const used = currencies.flatMap(({ currency }) =>
    currency === into ? [] : [[currency, rates[currency] ?? '1'] as const],
  );
  return { currency: into, rates: Object.fromEntries(used) };
}

/** The day itself, or the first day of the first open month after the closed one in which it lies. */
function bookedDay(day: number, closed: ReadonlySet<number>): number {
  let at = new Date(day);
  let month = Date.UTC(at.getUTCFullYear(), at.getUTCMonth());
  if (!closed.has(month)) return day;
  while (closed.has(month)) {
    at = new Date(month + 32 * DAY_MS);
    month = Date.UTC(at.getUTCFullYear(), at.getUTCMonth());
  }
  return month;
}
