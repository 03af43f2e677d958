import type { AllocationDifference, AllocationSums, BillImportResult } from '../api/bills-ports.ts';
import type { StaffActor } from '../domain/actor.ts';
import type { Bill, CostMeasure } from '../domain/bill.ts';
import type { AllocationRule, AllocationRules } from '../domain/cost-rule.ts';
import { TenantryError } from '../domain/errors.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import { compareText } from '../domain/text-order.ts';
import type { BillStore } from '../store/postgres/bill-store.ts';
import type { AllocationToKeep } from '../store/postgres/cost-allocation-store.ts';
import type { CostRuleStore } from '../store/postgres/cost-rule-store.ts';
import type { CostShareStore } from '../store/postgres/cost-share-store.ts';
import { type AllocatorParts, allocateBill } from './bill-allocate.ts';
import { fileHash } from './bill-file.ts';
import { BillImport, type ImportOptions, type StagedBill } from './bill-import.ts';

interface BillFileToImport {
  readonly path: string;
  readonly name: string;
}

export interface BillImportRequest extends ImportOptions {
  readonly measure: CostMeasure;
  readonly replace: boolean;
  readonly dryRun: boolean;
}

/** Bills and the rules that share them out, for people. */
export class BillDesk {
  readonly #bills: BillStore;
  readonly #rules: CostRuleStore;
  readonly #shares: CostShareStore;
  readonly #parts: AllocatorParts;
  readonly #import: BillImport;

  constructor(
    stores: { readonly bills: BillStore; readonly rules: CostRuleStore; readonly shares: CostShareStore },
    parts: Omit<AllocatorParts, 'bills'>,
  ) {
    this.#bills = stores.bills;
    this.#rules = stores.rules;
    this.#shares = stores.shares;
    this.#parts = { ...parts, bills: stores.bills };
    this.#import = new BillImport(stores.bills);
  }

  /**
   * Imports a file: everything in it, or nothing. With `dryRun` it is read, checked and shared out in the same way, and
   * nothing is kept.
   * @throws BillRefused, TenantryError BAD_REQUEST, CONFLICT
   */
  async importFile(actor: StaffActor, file: BillFileToImport, request: BillImportRequest): Promise<BillImportResult> {
    const sha256 = await fileHash(file.path);
    const rules = await this.#newestRules(actor);
    const staged = await this.#import.stage(actor, file, request);
    let kept = false;
    try {
      const allocations: AllocationToKeep[] = [];
      for (const bill of staged) allocations.push(await this.#allocate(actor, bill, rules));
      let replaced: readonly (readonly string[])[] = [];
      if (!request.dryRun) {
        const bills = staged.map(({ summary, days, ...bill }, index) => {
          return {
            bill: { ...bill, sha256 },
            summary,
            days,
            allocation: allocationAt(allocations, index),
            replace: request.replace,
          };
        });
        replaced = await this.#bills.keep(actor, bills);
        kept = true;
      }
      return {
        ...{ dryRun: request.dryRun, rulesVersion: rules.version },
        bills: staged.map((bill, index) => ({
          ...{
            id: bill.id,
            currency: bill.currency,
            lines: bill.summary.lines,
            roundedLines: bill.summary.roundedLines,
          },
          ...{ from: bill.summary.from, to: bill.summary.to, replaced: replaced[index] ?? [] },
          correction: bill.days.some(({ day, booked }) => day !== booked),
          ...sumsOf(allocationAt(allocations, index)),
        })),
      };
    } finally {
      if (!kept)
        await this.#import.discard(
          actor,
          staged.map(({ id }) => id),
        );
    }
  }

  list(actor: StaffActor, page: { limit: number; offset: number; ended: boolean }): Promise<readonly Bill[]> {
    return this.#bills.list(actor, page);
  }

  find(actor: StaffActor, id: string): Promise<Bill | undefined> {
    return this.#bills.find(actor, id);
  }

  /** False if no current bill has this id. */
  remove(actor: StaffActor, id: string): Promise<boolean> {
    return this.#bills.remove(actor, id);
  }

  /** The newest version, or the one asked for; undefined if there is no such version. */
  rules(actor: StaffActor, version?: number): Promise<AllocationRules | undefined> {
    return this.#rules.rules(actor, version);
  }

  ruleVersions(actor: StaffActor): Promise<readonly Omit<AllocationRules, 'rules'>[]> {
    return this.#rules.versions(actor);
  }

  /** @throws TenantryError CONFLICT when they were changed since `basedOn` */
  changeRules(
    actor: StaffActor,
    change: { readonly basedOn: number; readonly rules: readonly AllocationRule[]; readonly comment: string | null },
  ): Promise<AllocationRules> {
    return this.#rules.change(actor, change);
  }

  /** What a bill would come to by these rules (by the newest ones, if absent), against what it does. Nothing is kept. */
  async preview(
    actor: StaffActor,
    id: string,
    rules?: readonly AllocationRule[],
  ): Promise<AllocationDifference | undefined> {
    return this.#reshare(actor, id, { ...(rules === undefined ? {} : { rules }), keep: false });
  }

  /** Shares a bill out anew, by the newest rules and usage. Undefined if no current bill has this id. @throws TenantryError CONFLICT */
  async allocate(actor: StaffActor, id: string): Promise<AllocationDifference | undefined> {
    return this.#reshare(actor, id, { keep: true });
  }

  async #reshare(
    actor: StaffActor,
    id: string,
    { rules, keep }: { readonly rules?: readonly AllocationRule[]; readonly keep: boolean },
  ): Promise<AllocationDifference | undefined> {
    const bill = await this.#bills.find(actor, id);
    if (bill === undefined || bill.state !== 'current') return undefined;
    const used = rules === undefined ? await this.#newestRules(actor) : { version: 0, rules };
    const days = await this.#shares.days(actor, id);
    const allocation = await this.#allocate(actor, { ...bill, days, summary: bill }, used);
    const before = await this.#shares.sums(actor, id);
    if (keep) await this.#bills.reallocate(actor, id, allocation);
    const after = sumsOf(allocation);
    return { billId: id, rulesVersion: used.version, before, after, differences: differencesOf(before, after) };
  }

  async #allocate(
    actor: StaffActor,
    {
      id,
      rates,
      days,
      summary,
    }: Pick<StagedBill, 'id' | 'rates' | 'days'> & { readonly summary: { readonly to: number } },
    rules: Pick<AllocationRules, 'version' | 'rules'>,
  ): Promise<AllocationToKeep> {
    return allocateBill(this.#parts, actor, { id, rates, days, to: summary.to }, rules);
  }

  async #newestRules(actor: StaffActor): Promise<AllocationRules> {
    const rules = await this.#rules.rules(actor);
    if (rules === undefined) throw new TenantryError('INTERNAL', 'The newest rules cannot be read');
    return rules;
  }
}

function allocationAt(allocations: readonly AllocationToKeep[], index: number): AllocationToKeep {
  const allocation = allocations[index];
  if (allocation === undefined) throw new TenantryError('INTERNAL', 'A bill was not shared out');
  return allocation;
}

function sumsOf({ groups, shares }: AllocationToKeep): AllocationSums {
  const total = (pick: (group: AllocationToKeep['groups'][number]) => bigint) =>
    groups.reduce((sum, group) => sum + pick(group), 0n);
  const reasons = new Map<string, { micro: bigint; lines: number }>();
  for (const { reason, unallocatedMicro, lineNos } of groups) {
    if (reason === null) continue;
    const sum = reasons.get(reason) ?? { micro: 0n, lines: 0 };
    reasons.set(reason, { micro: sum.micro + unallocatedMicro, lines: sum.lines + lineNos.length });
  }
  return {
    billMicro: total(({ micro }) => micro),
    tenants: shares
      .map(({ tenantId, micros }) => ({ tenantId, micro: micros.reduce((sum, micro) => sum + micro, 0n) }))
      .toSorted((a, b) => compareText(a.tenantId, b.tenantId)),
    sharedMicro: total(({ sharedMicro }) => sharedMicro),
    idleMicro: total(({ idleMicro }) => idleMicro),
    unallocatedMicro: total(({ unallocatedMicro }) => unallocatedMicro),
    unallocated: [...reasons]
      .map(([reason, sum]) => ({ reason, ...sum }))
      .toSorted((a, b) => compareSize(a.micro, b.micro) || compareText(a.reason, b.reason)),
  };
}

function differencesOf(before: AllocationSums, after: AllocationSums): AllocationDifference['differences'] {
  const changes = new Map<TenantId, { beforeMicro: bigint; afterMicro: bigint }>();
  for (const { tenantId, micro } of before.tenants) changes.set(tenantId, { beforeMicro: micro, afterMicro: 0n });
  for (const { tenantId, micro } of after.tenants) {
    changes.set(tenantId, { beforeMicro: changes.get(tenantId)?.beforeMicro ?? 0n, afterMicro: micro });
  }
  return [...changes]
    .map(([tenantId, change]) => ({ tenantId, ...change }))
    .filter(({ beforeMicro, afterMicro }) => beforeMicro !== afterMicro)
    .toSorted(
      (a, b) =>
        compareSize(a.afterMicro - a.beforeMicro, b.afterMicro - b.beforeMicro) || compareText(a.tenantId, b.tenantId),
    );
}

/** The larger amount first, whatever its sign. */
function compareSize(a: bigint, b: bigint): number {
  const [left, right] = [a < 0n ? -a : a, b < 0n ? -b : b];
  if (left === right) return 0;
  return left > right ? -1 : 1;
}
