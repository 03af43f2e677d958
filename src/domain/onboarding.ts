/** Words of signing a tenant up: everything that is said of it at the beginning, at once. */
import type { NewMember } from './member.ts';
import type { RetentionDays } from './retention.ts';
import type { SpendCapTerms } from './spend.ts';
import type { TenantId } from './tenant-id.ts';
import type { ProfileFields } from './tenant-profile.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** The call as it was made, in JSON and in one order: by it the same call is known again. */
export type OnboardingTerms = Readonly<Record<string, Json>>;

/** What is absent stays as it is, which for a new tenant is: not said. Times are Unix ms. */
export interface NewTenant {
  readonly tenantId: TenantId;
  readonly profile: Partial<ProfileFields>;
  /** Of those that there are. */
  readonly plan?: string;
  readonly seats?: bigint;
  readonly billingDay?: number;
  readonly caps: readonly SpendCapTerms[];
  readonly members: readonly NewMember[];
  readonly ingestKey?: { readonly name: string; readonly service?: string; readonly expiresAt?: number };
  /** `thenPlan`: where it goes when the trial ends; null: off every plan; absent: it stays where it is. */
  readonly trial?: { readonly endsAt: number; readonly thenPlan?: string | null };
  readonly retention?: RetentionDays;
  readonly terms: OnboardingTerms;
}

export interface Onboarded {
  readonly tenantId: TenantId;
  /** False: telemetry or a person had named it before, and the call adopted it. */
  readonly created: boolean;
  /** The same call had been made before, and nothing was done now. */
  readonly replayed: boolean;
  readonly terms: OnboardingTerms;
  readonly keyId: string | null;
  /** Shown this once; null: none was asked for, or the call is a repetition. */
  readonly key: string | null;
  readonly onboardedBy: string;
  readonly onboardedAt: number;
}

/** Names of the terms in which two calls differ; in the order of their letters. */
export function differingTerms(a: OnboardingTerms, b: OnboardingTerms): readonly string[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return names.filter((name) => canonical(a[name]) !== canonical(b[name]));
}

/** JSON with the names of objects in order: a store may give them back in another one. */
function canonical(value: Json | undefined): string {
  return (
    JSON.stringify(value, (_name, part: Json) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)))
        : part,
    ) ?? ''
  );
}
