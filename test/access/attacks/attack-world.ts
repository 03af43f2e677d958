import type { KeyScope } from '../../../src/domain/roles.ts';
import type { AccessAnswer, AccessRequest } from '../../support/access-client.ts';
import { type OpenApi, type Operation, operationsOf } from '../../support/access-routes.ts';
import { type AccessWorld, startAccessWorld } from '../../support/access-world.ts';
import { ADMIN_TOKEN, bearer, OTHER, OWN } from '../../support/api-harness.ts';

/** An access world, and ways to ask it as those whom attacks are made as. */
export interface AttackWorld extends AccessWorld {
  readonly document: OpenApi;
  operation(row: string): Operation;
  asAdmin(request: AccessRequest): Promise<AccessAnswer>;
  /** A key of the operator's with these scopes; that of a directory is bound to OWN, as all of them are. */
  keyFor(scopes: readonly KeyScope[]): Promise<string>;
  /** As the admin of OWN, or of OTHER. */
  asTenant(request: AccessRequest, tenant?: typeof OWN | typeof OTHER): Promise<AccessAnswer>;
}

export async function startAttackWorld(): Promise<AttackWorld> {
  const world = await startAccessWorld();
  const document = JSON.parse((await world.send({ method: 'GET', url: '/openapi.json' })).body) as OpenApi;
  const operations = operationsOf(document);
  const tokens = new Map<string, string>();
  for (const tenant of [OWN, OTHER]) {
    tokens.set(tenant, await world.token({ role: 'tenant_admin', tenant_id: tenant, sub: `admin@${tenant}` }));
  }
  const ask = (request: AccessRequest, token: string) =>
    world.send({ ...request, headers: { ...bearer(token), ...request.headers } });
  return {
    ...world,
    document,
    operation: (row) => {
      const operation = operations.get(row);
      if (operation === undefined) throw new Error(`${row} is not in /openapi.json`);
      return operation;
    },
    keyFor: async (scopes) => {
      const bound = scopes.includes('scim') ? { tenant_id: OWN } : {};
      return (await world.must<{ key: string }>('POST', '/v1/keys', { name: 'attack', scopes, ...bound })).key;
    },
    asAdmin: (request) => ask(request, ADMIN_TOKEN),
    asTenant: (request, tenant = OWN) => ask(request, tokens.get(tenant) ?? ''),
  };
}
