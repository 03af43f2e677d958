import type { PlanFeatures } from '../api/plan-features-ports.ts';
import type { Scim } from '../api/scim-ports.ts';
import { PlanFeatureReader } from '../store/postgres/plan-features.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import { ScimDirectoryStore } from '../store/postgres/scim-directory-store.ts';
import { ScimGroupStore } from '../store/postgres/scim-group-store.ts';
import { ScimStandings } from '../store/postgres/scim-standing.ts';
import { ScimUserStore } from '../store/postgres/scim-user-store.ts';
import type { TenantDirectory } from '../store/postgres/tenant-directory.ts';

export interface ScimOptions {
  readonly postgres: Postgres;
  readonly directory: TenantDirectory;
}

/**
 * Customers' directories: who their people are, and what that lets them do, beside what their plans include. Runs nothing
 * by itself.
 */
export function startDirectories({ postgres, directory }: ScimOptions): { scim: Scim; planFeatures: PlanFeatures } {
  const standings = new ScimStandings(postgres);
  const scim: Scim = {
    users: new ScimUserStore(postgres),
    groups: new ScimGroupStore(postgres),
    directories: new ScimDirectoryStore(postgres, directory),
    standing: (tenantId, subject) => standings.of(tenantId, subject),
  };
  return { scim, planFeatures: new PlanFeatureReader(postgres) };
}
