import type { Scim } from '../api/scim-ports.ts';
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

/** Customers' directories: who their people are, and what that lets them do. Runs nothing by itself. */
export function startScim({ postgres, directory }: ScimOptions): Scim {
  const standings = new ScimStandings(postgres);
  return {
    users: new ScimUserStore(postgres),
    groups: new ScimGroupStore(postgres),
    directories: new ScimDirectoryStore(postgres, directory),
    standing: (tenantId, subject) => standings.of(tenantId, subject),
  };
}
