// The types that clients are written against are those that the server checks.
import { expect, test } from 'vitest';
import type { z } from 'zod';
import type * as contract from '../../src/api/contract.ts';
import type { directoryListSchema } from '../../src/api/lifecycle.ts';
import type { planItemSchema, planListSchema } from '../../src/api/plans-schemas.ts';
import type {
  newProfileImportSchema,
  newProfileSchema,
  profileImportSchema,
  profileItemSchema,
  profileListSchema,
} from '../../src/api/profiles-schemas.ts';
import type {
  burstAccountListSchema,
  burstEntryListSchema,
  burstReceiptSchema,
  quotaListSchema,
} from '../../src/api/quotas-schemas.ts';
import type {
  dedicatedOffersSchema,
  placementAdviceListSchema,
  signalItemSchema,
  signalListSchema,
} from '../../src/api/signals-schemas.ts';

/** True only for the very same type, in both directions, with optional and readonly marks. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Unfolds intersections, so that two ways to write one object type compare equal. */
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Agree<Schema extends z.ZodType, Wire> = Equal<Flat<z.infer<Schema>>, Flat<Wire>>;

/** The compiler checks this: a field that only one side has, or with another type, makes one of them `false`. */
const AGREEMENTS: {
  plan: Agree<typeof planItemSchema, contract.PlanItem>;
  plans: Agree<typeof planListSchema, contract.PlanList>;
  quotas: Agree<typeof quotaListSchema, contract.QuotaList>;
  accounts: Agree<typeof burstAccountListSchema, contract.BurstAccountList>;
  entries: Agree<typeof burstEntryListSchema, contract.BurstEntryList>;
  receipt: Agree<typeof burstReceiptSchema, contract.BurstReceipt>;
  signal: Agree<typeof signalItemSchema, contract.SignalItem>;
  signals: Agree<typeof signalListSchema, contract.SignalList>;
  offers: Agree<typeof dedicatedOffersSchema, contract.DedicatedOffers>;
  advice: Agree<typeof placementAdviceListSchema, contract.PlacementAdviceList>;
  directory: Agree<typeof directoryListSchema, contract.DirectoryList>;
  profile: Agree<typeof profileItemSchema, contract.TenantProfileItem>;
  profiles: Agree<typeof profileListSchema, contract.TenantProfileList>;
  newProfile: Agree<typeof newProfileSchema, contract.NewTenantProfile>;
  newProfiles: Agree<typeof newProfileImportSchema, contract.NewTenantProfileImport>;
  profileImport: Agree<typeof profileImportSchema, contract.TenantProfileImport>;
} = {
  plan: true,
  plans: true,
  quotas: true,
  accounts: true,
  entries: true,
  receipt: true,
  signal: true,
  signals: true,
  offers: true,
  advice: true,
  directory: true,
  profile: true,
  profiles: true,
  newProfile: true,
  newProfiles: true,
  profileImport: true,
};

test('the wire types of plans, quotas, signals and placement agree with the schemas', () => {
  expect(Object.values(AGREEMENTS)).not.toContain(false);
});
