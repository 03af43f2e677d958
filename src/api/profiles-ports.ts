/** What the api needs of tenant profiles. */
import type { StaffActor } from '../domain/actor.ts';
import type { TenantId } from '../domain/tenant-id.ts';
import type { ProfileChange, ProfileFields, TenantProfile } from '../domain/tenant-profile.ts';

export interface ProfileFilter {
  readonly segment?: string | undefined;
  readonly owner?: string | undefined;
  readonly plan?: string | undefined;
  /** Part of the tenant id or of the display name, in Latin letters of any case. */
  readonly search?: string | undefined;
}

/** What a file would change, or has changed. With problems nothing is changed. */
export interface ProfileImport {
  readonly lines: number;
  readonly problems: readonly { readonly line: number; readonly problem: string }[];
  readonly changes: readonly ProfileChange[];
  readonly unchanged: number;
  /** The same for the same changes: what was previewed is what is applied. */
  readonly fingerprint: string;
}

export interface TenantProfiles {
  /** Every tenant that is known, with or without a profile, by id. */
  list(
    actor: StaffActor,
    filter: ProfileFilter,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<readonly TenantProfile[]>;
  /**
   * Takes the place of what was said; the tenant may be new. The same once more changes nothing.
   * @throws TenantryError CONFLICT when `expectedRevision` is another than the profile has
   */
  put(
    actor: StaffActor,
    tenantId: TenantId,
    fields: ProfileFields,
    expectedRevision: number | undefined,
  ): Promise<TenantProfile>;
  /**
   * All lines of a CSV file, or none. `dryRun`: says what would happen.
   * @throws TenantryError BAD_REQUEST naming the lines that cannot be taken; CONFLICT when `fingerprint` is another's
   */
  import(
    actor: StaffActor,
    content: string,
    options: { readonly dryRun: boolean; readonly fingerprint: string | undefined },
  ): Promise<ProfileImport>;
}
