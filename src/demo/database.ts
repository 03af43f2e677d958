import pg from 'pg';

/** One row of the demo's own tables; every table carries its tenant. */
export interface Project {
  readonly id: number;
  readonly name: string;
}

const SCHEMA = `
  CREATE SCHEMA IF NOT EXISTS demo;
  CREATE TABLE IF NOT EXISTS demo.projects (
    tenant_id text NOT NULL,
    id integer NOT NULL,
    name text NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (tenant_id, id)
  );
  CREATE TABLE IF NOT EXISTS demo.comments (
    tenant_id text NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    project_id integer NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, project_id) REFERENCES demo.projects (tenant_id, id)
  );
  CREATE INDEX IF NOT EXISTS comments_by_project ON demo.comments (tenant_id, project_id, id DESC);
`;

export const PROJECTS_PER_TENANT = 25;
/** Few, as in a real service: a tenant that holds most of them makes the others wait. */
const POOL_SIZE = 6;
/** Comments older than this are deleted, so that a demo left running does not fill the disk. */
const KEEP_COMMENTS_MINUTES = 30;

/** The demo SaaS's own database, in the schema `demo` of whatever Postgres it is given. */
export class DemoDatabase {
  readonly #pool: pg.Pool;

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: POOL_SIZE, application_name: 'demo-saas' });
    // A connection lost while idle is replaced on the next query; without a listener it would end the process.
    this.#pool.on('error', () => undefined);
  }

  /** Creates tables and rows that are missing; run any number of times. */
  async prepare(tenantIds: readonly string[]): Promise<void> {
    await this.#pool.query(SCHEMA);
    await this.#pool.query(
      `INSERT INTO demo.projects (tenant_id, id, name, body)
       SELECT tenant, n, 'Project ' || n, repeat('lorem ipsum ', 20)
       FROM unnest($1::text[]) AS tenant, generate_series(1, $2::int) AS n
       ON CONFLICT DO NOTHING`,
      [tenantIds, PROJECTS_PER_TENANT],
    );
    await this.deleteOldComments();
  }

  async deleteOldComments(): Promise<void> {
    await this.#pool.query(`DELETE FROM demo.comments WHERE created_at < now() - make_interval(mins => $1::int)`, [
      KEEP_COMMENTS_MINUTES,
    ]);
  }

  async projects(tenantId: string): Promise<readonly Project[]> {
    const { rows } = await this.#query<Project>('SELECT id, name FROM demo.projects WHERE tenant_id = $1 ORDER BY id', [
      tenantId,
    ]);
    return rows;
  }

  async project(tenantId: string, id: number): Promise<Project | undefined> {
    const { rows } = await this.#query<Project>('SELECT id, name FROM demo.projects WHERE tenant_id = $1 AND id = $2', [
      tenantId,
      id,
    ]);
    return rows[0];
  }

  async comments(tenantId: string, projectId: number): Promise<readonly string[]> {
    const { rows } = await this.#query<{ body: string }>(
      'SELECT body FROM demo.comments WHERE tenant_id = $1 AND project_id = $2 ORDER BY id DESC LIMIT 10',
      [tenantId, projectId],
    );
    return rows.map((row) => row.body);
  }

  async addComment(tenantId: string, projectId: number, body: string): Promise<void> {
    await this.#query('INSERT INTO demo.comments (tenant_id, project_id, body) VALUES ($1, $2, $3)', [
      tenantId,
      projectId,
      body,
    ]);
  }

  /** A search without an index. `slowSeconds` stands in for far more rows than the demo wants to store. */
  async search(tenantId: string, words: string, slowSeconds: number): Promise<readonly Project[]> {
    const { rows } = await this.#query<Project>(
      `SELECT p.id, p.name FROM demo.projects p, pg_sleep($3::float8)
       WHERE p.tenant_id = $1 AND p.body || p.name ILIKE '%' || $2 || '%' LIMIT 20`,
      [tenantId, words, slowSeconds],
    );
    return rows;
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  /**
   * On a connection that was awaited. `pool.query` sends a query that had to wait for a connection from the async context
   * of whoever gave it back, so that under load its span carried another request's tenant (the instrumentation binds
   * the context only where it makes connect spans).
   */
  async #query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<pg.QueryResult<Row>> {
    const client = await this.#pool.connect();
    // A connection that breaks rejects its query, and says so once more where nobody would catch it.
    const onError = () => undefined;
    client.on('error', onError);
    try {
      const result = await client.query<Row>(text, [...values]);
      client.release();
      return result;
    } catch (error) {
      client.release(true);
      throw error;
    } finally {
      client.off('error', onError);
    }
  }
}
