import { randomBytes } from 'node:crypto';
import { TenantryError } from '../domain/errors.ts';
import { createDatabaseWithOwner } from '../store/postgres/create-database.ts';

const DEMO = 'demo_saas';

/**
 * A database of its own on the embedded server, for the simulated SaaS: its login owns nothing else and cannot connect
 * to Tenantry's.
 * @returns connection URL of the demo's login
 */
export async function createDemoDatabase(ownerUrl: string | undefined): Promise<string> {
  if (ownerUrl === undefined) {
    throw new TenantryError('CONFIG_INVALID', 'The demo brings its own PostgreSQL and does not touch yours.', {
      hint: 'Unset DATABASE_URL for the demo.',
    });
  }
  return createDatabaseWithOwner(ownerUrl, DEMO, randomBytes(24).toString('hex'));
}
