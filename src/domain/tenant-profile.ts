/** What the operator's people say of a tenant. Null: nobody has said it. */
import type { TenantId } from './tenant-id.ts';

export interface ProfileFields {
  /** `enterprise`, `education`: the operator's own grouping. */
  readonly segment: string | null;
  /** Who looks after the customer, as the operator writes names. */
  readonly owner: string | null;
  readonly displayName: string | null;
  /** In the order of their letters, each once. */
  readonly tags: readonly string[];
}

export interface TenantProfile extends ProfileFields {
  readonly tenantId: TenantId;
  readonly plan: string | null;
  /** Counts the changes; 0: nobody has said anything. */
  readonly revision: number;
}

/** One line of a file: what it does not have stays as it is. */
export interface ProfileEdit {
  readonly tenantId: TenantId;
  readonly fields: Partial<ProfileFields>;
}

export interface ProfileChange {
  readonly tenantId: TenantId;
  readonly isNewTenant: boolean;
  readonly before: ProfileFields;
  readonly after: ProfileFields;
}

/** Longest texts, in characters. */
export const PROFILE_LIMITS = { segment: 64, owner: 128, displayName: 200, tag: 32, tags: 20 } as const;

const CONTROL = /\p{Cc}/u;

/** Whether `text` may stand in a profile: one line, not empty, no spaces around it. */
export function isProfileText(text: string, longest: number): boolean {
  return text.length >= 1 && text.length <= longest && text.trim() === text && !CONTROL.test(text);
}

/** Tags as they are kept. */
export function orderedTags(tags: Iterable<string>): readonly string[] {
  return [...new Set(tags)].sort();
}

/** Whether two profiles say the same; their tags are in order. */
export function sameFields(a: ProfileFields, b: ProfileFields): boolean {
  return (
    a.segment === b.segment &&
    a.owner === b.owner &&
    a.displayName === b.displayName &&
    a.tags.length === b.tags.length &&
    a.tags.every((tag, index) => tag === b.tags[index])
  );
}
