import type { TenantId } from '../../src/domain/tenant-id.ts';
import { runSql } from './postgres-child.ts';

export const ACME = 'acme' as TenantId;
export const GLOBEX = 'globex' as TenantId;

/** Rows of two tenants in tables that the app role may read, with the tenant's name in what it must not tell the other. */
export async function seedTwoTenants(ownerUrl: string): Promise<void> {
  for (const tenant of [ACME, GLOBEX]) {
    await runSql(ownerUrl, `insert into tenantry.tenants (tenant_id) values ('${tenant}')`);
    await runSql(
      ownerUrl,
      `insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
       select '${tenant}', 'person-' || n || '@${tenant}.example', 'viewer', 'active', '${tenant}', false
       from generate_series(1, 5) n`,
    );
    await runSql(
      ownerUrl,
      `insert into tenantry.keys (name, sha256, scopes, tenant_id, created_by)
       values ('key of ${tenant}', encode(sha256('${tenant}'::bytea), 'hex'), '{ingest}', '${tenant}', '${tenant}')`,
    );
  }
}
