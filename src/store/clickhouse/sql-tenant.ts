import type { SqlAnswer, SqlEngine, SqlTable } from '../../domain/sql.ts';
import type { TenantId } from '../../domain/tenant-id.ts';
import type { TenantAccess } from './access.ts';
import { TENANT_DATABASE } from './access-views.ts';
import type { ClickHouse } from './clickhouse.ts';
import { catalogueOf, RememberedCatalogue } from './sql-catalogue.ts';
import { TENANT_LIMITS } from './sql-limits.ts';
import { ServerSql, type ServerSqlOptions } from './sql-server.ts';

/** Statements of tenants on a ClickHouse server, each as the user of its tenant. */
export class TenantSql {
  readonly #access: TenantAccess;
  readonly #options: Omit<ServerSqlOptions, 'login'>;

  constructor(
    options: Pick<ServerSqlOptions, 'url' | 'kill'> & {
      readonly access: TenantAccess;
      readonly clickhouse: Pick<ClickHouse, 'inspect'>;
    },
  ) {
    const { access, clickhouse, url, kill } = options;
    this.#access = access;
    const catalogue = new RememberedCatalogue(() => catalogueOf((sql) => clickhouse.inspect(sql), TENANT_DATABASE));
    this.#options = { url, kill, catalogue, database: TENANT_DATABASE, limits: TENANT_LIMITS };
  }

  /** @throws TenantryError NOT_SUPPORTED_HERE, of the methods, until an operator has set the server up for tenants */
  engineOf(tenantId: TenantId): SqlEngine {
    return {
      run: (run) => this.#with(tenantId, (engine) => engine.run(run)),
      tables: () => this.#with(tenantId, (engine) => engine.tables()),
      close: async () => undefined,
    };
  }

  /** A connection of its own for each statement: there is none that could still be somebody else's. */
  async #with<Result extends SqlAnswer | readonly SqlTable[]>(
    tenantId: TenantId,
    work: (engine: ServerSql) => Promise<Result>,
  ): Promise<Result> {
    const engine = new ServerSql({ ...this.#options, login: await this.#access.login(tenantId) });
    try {
      return await work(engine);
    } finally {
      await engine.close();
    }
  }
}
