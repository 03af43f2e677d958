import type { ProfileFilter, ProfileImport, TenantProfiles } from '../../src/api/profiles-ports.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { ProfileFields, TenantProfile } from '../../src/domain/tenant-profile.ts';

/** Profiles in a map; what is asked of it is noted. */
export class MemoryProfiles implements TenantProfiles {
  readonly rows = new Map<TenantId, TenantProfile>();
  readonly questions: { filter: ProfileFilter; page: { offset: number; limit: number } }[] = [];
  readonly imports: { content: string; dryRun: boolean; fingerprint: string | undefined }[] = [];

  async list(_actor: StaffActor, filter: ProfileFilter, page: { offset: number; limit: number }) {
    this.questions.push({ filter, page });
    return [...this.rows.values()].slice(page.offset, page.offset + page.limit);
  }

  async put(_actor: StaffActor, tenantId: TenantId, fields: ProfileFields, expected: number | undefined) {
    const revision = this.rows.get(tenantId)?.revision ?? 0;
    if (expected !== undefined && expected !== revision) throw new TenantryError('CONFLICT', 'changed');
    const profile = { ...fields, tenantId, plan: null, revision: revision + 1 };
    this.rows.set(tenantId, profile);
    return profile;
  }

  async import(
    _actor: StaffActor,
    content: string,
    options: { dryRun: boolean; fingerprint: string | undefined },
  ): Promise<ProfileImport> {
    this.imports.push({ content, ...options });
    return { lines: 1, problems: [], changes: [], unchanged: 1, fingerprint: 'f' };
  }
}
