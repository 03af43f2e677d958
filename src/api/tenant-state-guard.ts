import type { FastifyInstance } from 'fastify';
import { TenantryError } from '../domain/errors.ts';
import { ownTenantOf } from './guard.ts';
import type { FlagFeed } from './ports.ts';

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** What people of a suspended or closed tenant may still do beside reading: leave, and take with them what is theirs. */
const OPEN_TO_PEOPLE: ReadonlySet<string> = new Set([
  'POST /v1/session/end',
  'POST /v1/deletion-requests',
  'DELETE /v1/deletion-requests/:id',
  'POST /v1/tenant-exports',
  'DELETE /v1/tenant-exports/:id',
]);

/** What keys of a closed tenant may not bring any more. All else that keys do is reading flags, and telling of them. */
const CLOSED_TO_KEYS: ReadonlySet<string> = new Set(['POST /v1/events', 'POST /v1/storage', 'POST /v1/deploys']);

/**
 * Holds the people and keys of tenants that are suspended or closed. People of such tenants read on: they must see why,
 * and what it is about. Telemetry of a suspended one is still taken, or its figures would have a hole. Decided from the
 * flags in memory, as apps decide; call it after `guardRoutes`.
 */
export function holdTenants(app: FastifyInstance, flags: Pick<FlagFeed, 'snapshot'>): void {
  app.addHook('preValidation', async (request) => {
    const actor = request.caller?.actor;
    const tenant = actor && ownTenantOf(actor);
    if (tenant === undefined || SAFE_METHODS.includes(request.method)) return;
    const row = `${request.method} ${request.routeOptions.url}`;
    const isPerson = actor?.kind === 'tenant';
    if (isPerson ? OPEN_TO_PEOPLE.has(row) : !CLOSED_TO_KEYS.has(row)) return;
    const { flags: inForce } = await flags.snapshot(tenant);
    const held = inForce.find(({ kind, tenant_id }) => kind === 'suspend' && tenant_id === tenant);
    if (held === undefined || (!isPerson && held.status !== 'closed')) return;
    throw held.status === 'closed'
      ? new TenantryError('TENANT_CLOSED', 'This tenant is closed: what it has can be read, and nothing be changed.', {
          hint: 'Ask the operator.',
        })
      : new TenantryError(
          'TENANT_SUSPENDED',
          'This tenant is suspended: what it has can be read, and nothing be changed.',
          {
            hint: 'GET /v1/tenants/{id}/state says why and until when.',
          },
        );
  });
}
