// The types that clients are written against are those that the server checks.
import { expect, test } from 'vitest';
import type { z } from 'zod';
import type * as bills from '../../src/api/bills-contract.ts';
import type {
  allocationRuleSchema,
  allocationRuleSetSchema,
  allocationRuleVersionListSchema,
} from '../../src/api/bills-rules-schemas.ts';
import type {
  allocationChangeSchema,
  billDetailSchema,
  billImportSchema,
  billListSchema,
} from '../../src/api/bills-schemas.ts';
import type * as contract from '../../src/api/contract.ts';
import type { costExplanationSchema, costListSchema } from '../../src/api/costs-schemas.ts';
import type { costTrendSchema } from '../../src/api/costs-trend.ts';

/** True only for the very same type, in both directions. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Agree<Schema extends z.ZodType, Wire> = Equal<Flat<z.infer<Schema>>, Flat<Wire>>;

/** The compiler checks this: a field that only one side has, or with another type, makes one of them `false`. */
const AGREEMENTS: {
  bills: Agree<typeof billListSchema, contract.BillList>;
  bill: Agree<typeof billDetailSchema, contract.BillDetail>;
  imported: Agree<typeof billImportSchema, bills.BillImportReport>;
  change: Agree<typeof allocationChangeSchema, bills.AllocationChange>;
  rule: Agree<typeof allocationRuleSchema, bills.AllocationRuleItem>;
  rules: Agree<typeof allocationRuleSetSchema, bills.AllocationRuleSet>;
  versions: Agree<typeof allocationRuleVersionListSchema, bills.AllocationRuleVersionList>;
  costs: Agree<typeof costListSchema, contract.CostList>;
  trend: Agree<typeof costTrendSchema, contract.CostTrend>;
  explanation: Agree<typeof costExplanationSchema, contract.CostExplanation>;
} = {
  ...{ bills: true, bill: true, imported: true, change: true, rule: true, rules: true, versions: true },
  ...{ costs: true, trend: true, explanation: true },
};

test('wire types and schemas agree', () => {
  expect(Object.values(AGREEMENTS)).not.toContain(false);
});
