/** Transactions of two tenants in a random order, many of which fail, abort, time out or try to write for the other. */
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { oneOf, seeded } from './detect-random.ts';
import { ACME, GLOBEX } from './postgres-two-tenants.ts';

/** More than connections, fewer than would time out waiting for one. */
const AT_ONCE = 16;
const SEEN = `select current_user::text as role, current_setting('app.current_tenant', true) as tenant,
    current_setting('app.super_admin', true) as "superAdmin",
    array(select tenant_id from tenantry.members) as owners`;
interface Seen {
  readonly role: string;
  readonly tenant: string;
  readonly superAdmin: string;
  readonly owners: readonly string[];
}

export type TenantQuery = (text: string, values?: readonly unknown[]) => Promise<unknown>;
/** What becomes of a transaction after it has read, and with which code it must end; undefined: it is committed. */
interface Ending {
  readonly code: string | undefined;
  readonly go: (query: TenantQuery, other: TenantId) => Promise<unknown>;
}
const ENDINGS = {
  commit: { code: undefined, go: async () => undefined },
  write: {
    code: undefined,
    go: (query) => query(`update tenantry.members set changed_at = clock_timestamp() where state = 'active'`),
  },
  throw: {
    code: 'planned',
    go: async () => {
      throw Object.assign(new Error('planned'), { code: 'planned' });
    },
  },
  fail: { code: 'INTERNAL', go: (query) => query('select 1 / 0') },
  swallow: { code: 'INTERNAL', go: (query) => query('select 1 / 0').catch(() => undefined) },
  timeOut: {
    code: 'QUERY_TIMEOUT',
    go: async (query) => {
      await query('set local statement_timeout = 2');
      await query('select pg_sleep(0.2)');
    },
  },
  trespass: {
    code: 'INTERNAL',
    go: (query, other) =>
      query(
        `insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
         values ($1, 'x@y.example', 'viewer', 'invited', 'x', false)`,
        [other],
      ),
  },
} satisfies Record<string, Ending>;
type EndingName = keyof typeof ENDINGS;
const MIX: readonly [EndingName, ...EndingName[]] = [
  ...(['commit', 'commit', 'commit', 'commit', 'commit', 'commit', 'commit', 'write'] as const),
  ...(['throw', 'fail', 'swallow', 'timeOut', 'trespass'] as const),
];

export interface TenantTally {
  /** Transactions that saw the rows of their tenant and nothing else. */
  right: number;
  foreign: number;
  /** Endings with another code than theirs. */
  unexpected: string[];
}

/** Sends `count` requests through `door`, which hands a query function to what happens in a transaction of the tenant. */
export async function loadOfTwoTenants(
  count: number,
  door: (tenant: TenantId, fn: (query: TenantQuery) => Promise<unknown>) => Promise<unknown>,
): Promise<TenantTally> {
  const random = seeded('two tenants');
  const tally: TenantTally = { right: 0, foreign: 0, unexpected: [] };
  const one = async () => {
    const tenant = oneOf(random, [ACME, GLOBEX]);
    const other = tenant === ACME ? GLOBEX : ACME;
    const name = oneOf(random, MIX);
    const ending: Ending = ENDINGS[name];
    const code = await door(tenant, async (query) => {
      const [seen] = (await query(SEEN)) as Seen[];
      const isRight = seen?.tenant === tenant && seen.superAdmin === 'off' && seen.role === 'tenantry_app';
      const isOwn = seen?.owners.length === 5 && seen.owners.every((owner) => owner === tenant);
      tally[isRight && isOwn ? 'right' : 'foreign'] += 1;
      return ending.go(query, other);
    }).then(
      () => undefined,
      (error: { code?: string }) => error.code,
    );
    if (code !== ending.code) tally.unexpected.push(`${name}: ${code}`);
  };
  let next = 0;
  const worker = async () => {
    while (next < count) {
      next += 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return tally;
}
