/** What the api needs of bills, allocation rules and costs. Times are Unix ms, money is in micro-units. */
import type { StaffActor } from '../domain/actor.ts';
import type { Bill, CostMeasure } from '../domain/bill.ts';
import type { CostReader } from '../domain/cost.ts';
import type { AllocationRule, AllocationRules } from '../domain/cost-rule.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';

/** What a bill comes to for whom. */
export interface AllocationSums {
  readonly billMicro: bigint;
  readonly tenants: readonly { readonly tenantId: TenantId; readonly micro: bigint }[];
  readonly sharedMicro: bigint;
  readonly idleMicro: bigint;
  readonly unallocatedMicro: bigint;
  /** Why something is unallocated, and how much for each reason; the most first. */
  readonly unallocated: readonly { readonly reason: string; readonly micro: bigint; readonly lines: number }[];
}

interface ImportedBill extends AllocationSums {
  readonly id: string;
  readonly currency: string;
  readonly lines: number;
  readonly roundedLines: number;
  readonly from: number;
  readonly to: number;
  readonly correction: boolean;
  readonly replaced: readonly string[];
}

export interface BillImportResult {
  readonly dryRun: boolean;
  readonly rulesVersion: number;
  readonly bills: readonly ImportedBill[];
}

export interface AllocationDifference {
  readonly billId: string;
  readonly rulesVersion: number;
  readonly before: AllocationSums;
  readonly after: AllocationSums;
  readonly differences: readonly {
    readonly tenantId: TenantId;
    readonly beforeMicro: bigint;
    readonly afterMicro: bigint;
  }[];
}

export interface BillUpload {
  readonly fileName: string;
  readonly measure: CostMeasure;
  readonly encoding: 'auto' | 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin1';
  readonly defaults: { readonly issuer: string; readonly account: string; readonly invoice: string };
  readonly rates: Readonly<Record<string, string>>;
  readonly into: string;
  readonly split: boolean;
  readonly allowIdentical: boolean;
  readonly replace: boolean;
  readonly dryRun: boolean;
}

export interface Bills {
  /**
   * Takes a file in: all of it or nothing.
   * @throws BillRefused with the lines that cannot be used, TenantryError BAD_REQUEST, CONFLICT, BODY_TOO_LARGE
   */
  importBill(actor: StaffActor, file: AsyncIterable<Uint8Array>, upload: BillUpload): Promise<BillImportResult>;
  /** Newest first. */
  list(
    actor: StaffActor,
    page: { readonly limit: number; readonly offset: number; readonly ended: boolean },
  ): Promise<readonly Bill[]>;
  /** With how it is shared out; undefined if there is none with this id. */
  find(actor: StaffActor, id: string): Promise<{ readonly bill: Bill; readonly sums: AllocationSums } | undefined>;
  /** False if no current bill has this id. */
  remove(actor: StaffActor, id: string): Promise<boolean>;
  /** By these rules or the newest; undefined if no current bill has this id. Nothing is kept. */
  preview(actor: StaffActor, id: string, rules?: readonly AllocationRule[]): Promise<AllocationDifference | undefined>;
  /** By the newest rules and usage; undefined if no current bill has this id. */
  allocate(actor: StaffActor, id: string): Promise<AllocationDifference | undefined>;
  /** The newest version, or the one asked for. */
  rules(actor: StaffActor, version?: number): Promise<AllocationRules | undefined>;
  ruleVersions(actor: StaffActor): Promise<readonly Omit<AllocationRules, 'rules'>[]>;
  /** @throws TenantryError CONFLICT when they were changed since `basedOn` */
  changeRules(
    actor: StaffActor,
    change: { readonly basedOn: number; readonly rules: readonly AllocationRule[]; readonly comment: string | null },
  ): Promise<AllocationRules>;
}

interface CostSum {
  readonly name: string;
  readonly billMicro: bigint;
  readonly tenantsMicro: bigint;
  readonly sharedMicro: bigint;
  readonly idleMicro: bigint;
  readonly unallocatedMicro: bigint;
}

type CostGroup = 'part' | 'service' | 'rule' | 'day' | 'month';

/** Why a tenant is charged a share of some lines. */
export interface ExplainedCost {
  readonly billId: string;
  readonly currency: string;
  readonly rulesVersion: number;
  readonly rule: string;
  readonly part: string;
  readonly provider: string;
  readonly service: string;
  readonly chargeCategory: string;
  readonly from: number;
  readonly to: number;
  readonly booked: number;
  readonly groupMicro: bigint;
  readonly idleMicro: bigint;
  readonly shareMicro: bigint;
  readonly bases: readonly {
    readonly key: string;
    readonly weight: number;
    readonly usage: bigint;
    readonly total: bigint;
  }[];
  /** The sum in words and figures. */
  readonly formula: string;
  readonly lineCount: number;
  /** The first ones. Amounts are decimal text in the line's own currency. */
  readonly lines: readonly {
    readonly line: number;
    readonly amount: string;
    readonly currency: string;
    readonly description: string;
    readonly resource: string;
  }[];
}

export const FOCUS_EXPORT_VERSIONS = ['1.2', '1.3', '1.4'] as const;
export type FocusExportVersion = (typeof FOCUS_EXPORT_VERSIONS)[number];

export interface LedgerReader extends CostReader {
  /** Over all tenants. */
  sums(question: {
    readonly window: Window;
    readonly currency: string;
    readonly by: CostGroup;
  }): Promise<readonly CostSum[]>;
  /** The largest share first. */
  explain(question: {
    readonly tenantId: TenantId;
    readonly window: Window;
    readonly part: string | undefined;
    readonly currency: string;
    readonly limit: number;
    readonly offset: number;
    /** Lines of each share that are told. */
    readonly lines: number;
  }): Promise<readonly ExplainedCost[]>;
  /** A file in pieces: memory does not grow with the number of tenants. */
  focus(question: {
    readonly window: Window;
    readonly currency: string | undefined;
    readonly version: FocusExportVersion;
    readonly format: 'csv' | 'parquet';
  }): AsyncIterable<Uint8Array>;
}
