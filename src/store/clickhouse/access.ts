import { createHash, createHmac } from 'node:crypto';
import { TenantryError, toError } from '../../domain/errors.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import { TENANT_COLUMNS, TENANT_DATABASE, viewStatements } from './access-views.ts';
import { type ClickHouse, DATABASE } from './clickhouse.ts';
import {
  ROW_POLICIES_QUERY,
  type RowPolicyRow,
  rowPolicyStatements,
  TENANT_ROLE,
  tablesWithoutPolicies,
  tenantUser,
} from './row-policies.ts';
import { limitSettings, type SqlLimits, TENANT_LIMITS } from './sql-limits.ts';
import { quoted } from './sql-text.ts';
import { tenantDataTables } from './tenant-data.ts';

const PROFILE = 'tenantry_tenant';

/** A tenant's own user on the server. */
export interface TenantLogin {
  readonly user: string;
  readonly password: string;
}

export interface AccessOptions {
  readonly clickhouse: Pick<ClickHouse, 'command' | 'inspect'>;
  readonly cluster: string | undefined;
  /** From which the passwords of tenants' users are made; the same on every server of Tenantry. */
  readonly secret: Uint8Array;
  readonly limits?: SqlLimits;
}

/** Rights that the service's own user needs to set up what tenants may do, each with what it is on. */
const NEEDED_GRANTS: readonly string[] = [
  'GRANT CREATE USER, ALTER USER, CREATE ROLE, ROLE ADMIN, CREATE SETTINGS PROFILE, ALTER SETTINGS PROFILE, SHOW ACCESS ON *.*',
  `GRANT CREATE ROW POLICY, ALTER ROW POLICY ON ${DATABASE}.*`,
  `GRANT SELECT ON ${DATABASE}.* … WITH GRANT OPTION`,
  `GRANT CREATE DATABASE, CREATE VIEW, DROP VIEW, SELECT ON ${TENANT_DATABASE}.* … WITH GRANT OPTION`,
];

/**
 * Everything on the server that lets tenants ask for themselves, but their users: role, profile, row policies, views and
 * grants, in an order in which nobody sees too much meanwhile. Every statement may be repeated.
 * @param tables of our database that have rows of tenants
 */
export function accessStatements(
  tables: readonly string[],
  cluster: string | undefined,
  limits: SqlLimits,
): readonly string[] {
  const on = onCluster(cluster);
  const settings = profileSettings(limits);
  return [
    `CREATE ROLE IF NOT EXISTS ${TENANT_ROLE} ${on}`,
    `CREATE SETTINGS PROFILE IF NOT EXISTS ${PROFILE} ${on} SETTINGS ${settings}`,
    `ALTER SETTINGS PROFILE ${PROFILE} ${on} SETTINGS ${settings}`,
    ...rowPolicyStatements(tables, on),
    ...viewStatements(on),
    // In one statement that replaces what there was: there is no moment without, and nothing of before stays.
    `GRANT ${on} SELECT ON ${TENANT_DATABASE}.*, ${[...TENANT_COLUMNS]
      .map(([table, columns]) => `SELECT(${columns.join(', ')}) ON ${DATABASE}.${table}`)
      .join(', ')} TO ${TENANT_ROLE} WITH REPLACE OPTION`,
  ];
}

/** A tenant's user as statements. The server is told a hash: a statement of it may stand in its logs. */
export function tenantUserStatements({ user, password }: TenantLogin, cluster: string | undefined): readonly string[] {
  const on = onCluster(cluster);
  const name = quoted(user);
  const hash = createHash('sha256').update(password).digest('hex');
  const identified = `IDENTIFIED WITH sha256_hash BY ${quoted(hash)}`;
  return [
    `CREATE USER IF NOT EXISTS ${name} ${on} ${identified}`,
    `ALTER USER ${name} ${on} ${identified} SETTINGS PROFILE ${quoted(PROFILE)}`,
    `GRANT ${on} ${TENANT_ROLE} TO ${name} WITH REPLACE OPTION`,
    `ALTER USER ${name} ${on} DEFAULT ROLE ${TENANT_ROLE}`,
  ];
}

/** No setting can be sent or written by the user, not even within the limits: what they need is set here. */
function profileSettings(limits: SqlLimits): string {
  const fixed = { ...limitSettings(limits), cancel_http_readonly_queries_on_client_close: 1, readonly: 1 };
  return Object.entries(fixed)
    .map(([name, value]) => `${name} = ${typeof value === 'string' ? quoted(value) : value} CONST`)
    .join(', ');
}

function onCluster(cluster: string | undefined): string {
  return cluster === undefined ? '' : `ON CLUSTER ${quoted(cluster)}`;
}

/** Who of the tenants may ask the server, kept as the catalogue of tables says. */
export class TenantAccess {
  readonly #options: AccessOptions;
  readonly #ready = new Map<TenantId, Promise<TenantLogin>>();

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /**
   * Sets up everything, or brings it to what this version means.
   * @throws TenantryError CONFIG_INVALID with the grants that are missing
   */
  async apply(): Promise<{ readonly tables: number; readonly views: number }> {
    const { clickhouse, cluster, limits = TENANT_LIMITS } = this.#options;
    const tables = await this.#tables();
    for (const statement of accessStatements(tables, cluster, limits)) {
      await clickhouse.command(statement).catch((thrown: unknown) => {
        throw lackingGrants(thrown);
      });
    }
    return { tables: tables.length, views: TENANT_COLUMNS.size };
  }

  /**
   * A tenant's login, made at its first question to this process.
   * @throws TenantryError NOT_SUPPORTED_HERE when a table is not held to its tenants: then nobody asks
   */
  async login(tenantId: TenantId): Promise<TenantLogin> {
    await this.#assertHeld();
    const known = this.#ready.get(tenantId);
    if (known !== undefined) return known;
    const made = this.#make(tenantId);
    this.#ready.set(tenantId, made);
    made.catch(() => this.#ready.delete(tenantId));
    return made;
  }

  async #make(tenantId: TenantId): Promise<TenantLogin> {
    const { clickhouse, cluster, secret } = this.#options;
    const user = tenantUser(tenantId);
    const password = createHmac('sha256', secret).update(`clickhouse user ${user}`).digest('base64url');
    for (const statement of tenantUserStatements({ user, password }, cluster)) await clickhouse.command(statement);
    return { user, password };
  }

  /** Asked every time: a table that a later version added has no policy until `apply` has run. */
  async #assertHeld(): Promise<void> {
    const policies = await this.#options.clickhouse
      .inspect<RowPolicyRow>(ROW_POLICIES_QUERY)
      .catch((cause: unknown) => {
        throw notSetUp('The row policies of the server cannot be read.', cause);
      });
    const open = tablesWithoutPolicies(await this.#tables(), policies);
    if (open.length > 0) throw notSetUp('The server does not keep tenants apart yet.');
  }

  async #tables(): Promise<readonly string[]> {
    return (await tenantDataTables(this.#options.clickhouse)).map(({ table }) => table);
  }
}

function notSetUp(detail: string, cause?: unknown): TenantryError {
  return new TenantryError('NOT_SUPPORTED_HERE', detail, {
    hint: 'An operator runs `tenantry clickhouse access` once, and after each upgrade.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The engine names the right that it wanted; all that are needed are told at once, not one after the other. */
function lackingGrants(thrown: unknown): TenantryError {
  const cause = thrown instanceof TenantryError && thrown.cause !== undefined ? thrown.cause : thrown;
  const wanted = /necessary to have (?:the )?grant (.+?)\. \(ACCESS_DENIED\)/s.exec(toError(cause).message)?.[1];
  if (wanted === undefined)
    return thrown instanceof TenantryError ? thrown : new TenantryError('INTERNAL', 'Failed.', { cause });
  return new TenantryError('CONFIG_INVALID', `The ClickHouse user of CLICKHOUSE_URL lacks the right ${wanted}.`, {
    hint: `As an administrator of ClickHouse run, each with "TO <that user>": ${NEEDED_GRANTS.join('; ')}.`,
    cause,
  });
}
