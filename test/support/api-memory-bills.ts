import type { AllocationSums, Bills, LedgerReader } from '../../src/api/bills-ports.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { Bill } from '../../src/domain/bill.ts';
import type { Costs } from '../../src/domain/cost.ts';
import type { AllocationRules } from '../../src/domain/cost-rule.ts';
import { TenantryError } from '../../src/domain/errors.ts';

const NOTHING: AllocationSums = {
  ...{ billMicro: 0n, tenants: [], sharedMicro: 0n, idleMicro: 0n, unallocatedMicro: 0n, unallocated: [] },
};
const NO_RULES: AllocationRules = { version: 0, rules: [], comment: null, createdBy: 'system', createdAt: 0 };

/** Bills in memory: what is uploaded is kept as bytes and not read. */
export class MemoryBills implements Bills {
  readonly items: Bill[] = [];
  readonly uploads: { readonly bytes: Buffer; readonly upload: Parameters<Bills['importBill']>[2] }[] = [];
  readonly versions: AllocationRules[] = [NO_RULES];
  /** Thrown by the next import. */
  failure: Error | undefined;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async importBill(_actor: StaffActor, file: AsyncIterable<Uint8Array>, upload: Parameters<Bills['importBill']>[2]) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of file) chunks.push(chunk);
    this.uploads.push({ bytes: Buffer.concat(chunks), upload });
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    const [from, to] = [this.#now() - 86_400_000, this.#now()];
    const bill = {
      id: 'bill-1',
      currency: 'USD',
      lines: 1,
      roundedLines: 0,
      from,
      to,
      correction: false,
      replaced: [],
    };
    return { dryRun: upload.dryRun, rulesVersion: 0, bills: [{ ...bill, ...NOTHING }] };
  }

  async list(): Promise<readonly Bill[]> {
    return this.items;
  }

  async find(_actor: StaffActor, id: string) {
    const bill = this.items.find((item) => item.id === id);
    return bill === undefined ? undefined : { bill, sums: NOTHING };
  }

  async remove(_actor: StaffActor, id: string): Promise<boolean> {
    return this.items.some((item) => item.id === id);
  }

  async preview(_actor: StaffActor, id: string) {
    if (!this.items.some((item) => item.id === id)) return undefined;
    return { billId: id, rulesVersion: 0, before: NOTHING, after: NOTHING, differences: [] };
  }

  async allocate(actor: StaffActor, id: string) {
    return this.preview(actor, id);
  }

  async rules(_actor: StaffActor, version?: number): Promise<AllocationRules | undefined> {
    return version === undefined ? this.versions.at(-1) : this.versions.find((set) => set.version === version);
  }

  async ruleVersions() {
    return this.versions.slice(1).map(({ rules: _rules, ...version }) => version);
  }

  async changeRules(actor: StaffActor, { basedOn, rules, comment }: Parameters<Bills['changeRules']>[1]) {
    const newest = this.versions.at(-1)?.version ?? 0;
    if (newest !== basedOn) throw new TenantryError('CONFLICT', 'The rules are at another version now.');
    const made = { version: newest + 1, rules, comment, createdBy: actor.subject, createdAt: this.#now() };
    this.versions.push(made);
    return made;
  }
}

/** A ledger that answers what the test put into it. */
export class MemoryCosts implements LedgerReader {
  readonly questions: Parameters<LedgerReader['costs']>[0][] = [];
  answer: Omit<Costs, 'window'> = {
    ...{ currency: 'USD', billMicro: 0n, items: [], sharedMicro: 0n, idleMicro: 0n, unallocatedMicro: 0n },
    ...{ estimatedMicro: 0n, residualMicro: 0n, otherCurrencies: [] },
  };
  explained: Awaited<ReturnType<LedgerReader['explain']>> = [];

  async costs(question: Parameters<LedgerReader['costs']>[0]): Promise<Costs> {
    this.questions.push(question);
    return { ...this.answer, window: question.window };
  }

  async sums() {
    return [{ name: 'compute', billMicro: 3n, tenantsMicro: 2n, sharedMicro: 1n, idleMicro: 0n, unallocatedMicro: 0n }];
  }

  async explain({ limit, offset }: Parameters<LedgerReader['explain']>[0]) {
    return this.explained.slice(offset, offset + limit);
  }

  async *focus({ version }: Parameters<LedgerReader['focus']>[0]): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`BilledCost,x_Version\n`);
    yield Buffer.from(`1.000000,${version}\n`);
  }
}
