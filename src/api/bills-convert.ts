/** Bills and rules between wire and domain: names become snake_case, micro-units numbers, times RFC 3339. */
import type { z } from 'zod';
import type { Bill } from '../domain/bill.ts';
import type {
  AllocationMethod,
  AllocationRule,
  AllocationRules,
  IdleTerms,
  LineMatch,
  SplitKey,
} from '../domain/cost-rule.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { UsageKey } from '../domain/usage.ts';
import type {
  AllocationChange,
  AllocationRuleItem,
  AllocationRuleSet,
  BillImportReport,
  BillItem,
} from './bills-contract.ts';
import type { AllocationDifference, AllocationSums, BillImportResult } from './bills-ports.ts';
import type { allocationRuleSchema } from './bills-rules-schemas.ts';
import { nullableTime, rfc3339 } from './convert.ts';

type WireRule = z.infer<typeof allocationRuleSchema>;
type WireIdle = Extract<WireRule['method'], { kind: 'weighted' }>['idle'];

const PPM_PER_PERCENT = 10_000;

export function billToWire(bill: Bill): BillItem {
  const { id, state, format, sha256, measure, currency, lines, correction } = bill;
  return {
    ...{ id, state, format, sha256, measure, currency, lines, correction },
    focus_version: bill.focusVersion,
    file_name: bill.fileName,
    rates: { ...bill.rates },
    bill_micro: Number(bill.billMicro),
    rounded_lines: bill.roundedLines,
    from: rfc3339(bill.from),
    to: rfc3339(bill.to),
    identities: bill.identities.map(({ from, to, ...identity }) => ({
      ...identity,
      from: rfc3339(from),
      to: rfc3339(to),
    })),
    replaces: [...bill.replaces],
    created_by: bill.createdBy,
    created_at: rfc3339(bill.createdAt),
    ended_at: nullableTime(bill.endedAt),
  };
}

export function sumsToWire(sums: AllocationSums): AllocationChange['before'] {
  const { billMicro, tenants, sharedMicro, idleMicro, unallocatedMicro } = sums;
  const given = tenants.reduce((sum, { micro }) => sum + micro, sharedMicro + idleMicro + unallocatedMicro);
  return {
    bill_micro: Number(billMicro),
    tenants: tenants.map(({ tenantId, micro }) => ({ tenant_id: tenantId, cost_micro: Number(micro) })),
    shared_micro: Number(sharedMicro),
    idle_micro: Number(idleMicro),
    unallocated_micro: Number(unallocatedMicro),
    residual_micro: Number(billMicro - given),
    unallocated: sums.unallocated.map(({ reason, micro, lines }) => ({ reason, cost_micro: Number(micro), lines })),
  };
}

export function importToWire({ dryRun, rulesVersion, bills }: BillImportResult): BillImportReport {
  return {
    dry_run: dryRun,
    rules_version: rulesVersion,
    bills: bills.map(({ id, currency, lines, roundedLines, from, to, correction, replaced, ...sums }) => ({
      ...{ id, currency, lines, correction, replaced: [...replaced], rounded_lines: roundedLines },
      ...{ from: rfc3339(from), to: rfc3339(to), ...sumsToWire(sums) },
    })),
  };
}

export function differenceToWire({
  billId,
  rulesVersion,
  before,
  after,
  differences,
}: AllocationDifference): AllocationChange {
  return {
    ...{ bill_id: billId, rules_version: rulesVersion, before: sumsToWire(before), after: sumsToWire(after) },
    differences: differences.map(({ tenantId, beforeMicro, afterMicro }) => ({
      tenant_id: tenantId,
      before_micro: Number(beforeMicro),
      after_micro: Number(afterMicro),
    })),
  };
}

export function ruleSetToWire({ version, rules, comment, createdBy, createdAt }: AllocationRules): AllocationRuleSet {
  return {
    ...{ version, comment, rules: rules.map(ruleToWire) },
    created_by: createdBy,
    created_at: version === 0 ? null : rfc3339(createdAt),
  };
}

/** Without keys that are undefined: they would be fields that somebody set. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}

export function ruleFromWire({ id, part, match, method }: WireRule): AllocationRule {
  const { sub_account: subAccount, charge_categories: chargeCategories, ...same } = match;
  return {
    ...{ id, part, method: methodFromWire(method) },
    match: defined({ ...same, subAccount, chargeCategories }) as LineMatch,
  };
}

function ruleToWire({ id, part, match, method }: AllocationRule): AllocationRuleItem {
  const { subAccount, chargeCategories, ...same } = match;
  const wire = defined({ ...same, sub_account: subAccount, charge_categories: chargeCategories });
  return { ...{ id, part }, match: wire as unknown as AllocationRuleItem['match'], method: methodToWire(method) };
}

function methodFromWire(method: WireRule['method']): AllocationMethod {
  switch (method.kind) {
    case 'direct': {
      const from = method.from === 'sub_account' ? 'subAccount' : method.from;
      return { kind: 'direct', from, tenants: method.tenants as Record<string, TenantId> };
    }
    case 'proportional':
      return {
        kind: method.kind,
        key: method.key as SplitKey,
        withoutTenant: method.without_tenant,
        idle: idleFromWire(method.idle),
      };
    case 'weighted': {
      const keys = method.keys.map(({ key, weight }) => ({ key: key as SplitKey, weight }));
      return { kind: method.kind, keys, withoutTenant: method.without_tenant, idle: idleFromWire(method.idle) };
    }
    case 'fixed': {
      const shares = method.shares.map((share) => {
        const tenantId = share.tenant_id as TenantId;
        return 'percent' in share
          ? { tenantId, ppm: Math.round(share.percent * PPM_PER_PERCENT) }
          : { tenantId, amountMicro: String(share.amount_micro) };
      });
      return { kind: method.kind, shares, rest: method.rest };
    }
    case 'even':
    case 'shared':
    case 'follow':
      return method;
  }
}

function methodToWire(method: AllocationMethod): AllocationRuleItem['method'] {
  switch (method.kind) {
    case 'direct': {
      const from = method.from === 'subAccount' ? 'sub_account' : method.from;
      return { kind: method.kind, from, tenants: { ...method.tenants } };
    }
    case 'proportional':
      return {
        kind: method.kind,
        key: method.key,
        without_tenant: method.withoutTenant,
        idle: idleToWire(method.idle),
      };
    case 'weighted':
      return {
        kind: method.kind,
        keys: [...method.keys],
        without_tenant: method.withoutTenant,
        idle: idleToWire(method.idle),
      };
    case 'fixed':
      return {
        ...{ kind: method.kind, rest: method.rest },
        shares: method.shares.map((share) =>
          'ppm' in share
            ? { tenant_id: share.tenantId, percent: share.ppm / PPM_PER_PERCENT }
            : { tenant_id: share.tenantId, amount_micro: Number(share.amountMicro) },
        ),
      };
    case 'even':
      return { kind: method.kind, plans: method.plans === null ? null : [...method.plans] };
    case 'shared':
    case 'follow':
      return method;
  }
}

function idleFromWire(idle: WireIdle): IdleTerms | null {
  if (idle === null) return null;
  const { key, capacity, treatment } = idle;
  const given = 'per_hour' in capacity ? { perHour: capacity.per_hour } : { key: capacity.key as UsageKey };
  return { key: key as SplitKey, capacity: given, treatment };
}

function idleToWire(idle: IdleTerms | null) {
  if (idle === null) return null;
  const { key, capacity, treatment } = idle;
  return { key, capacity: 'perHour' in capacity ? { per_hour: capacity.perHour } : { key: capacity.key }, treatment };
}
