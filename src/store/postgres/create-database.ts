import pg from 'pg';

/**
 * Makes a login and a database that it owns, or gives the existing login the new password.
 * @param name of both; a plain lower-case identifier
 * @returns connection URL of the login to its database
 */
export async function createDatabaseWithOwner(ownerUrl: string, name: string, password: string): Promise<string> {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new Error(`not a plain identifier: ${name}`);
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const exists = async (sql: string) => ((await client.query(sql, [name])).rowCount ?? 0) > 0;
    const verb = (await exists('select 1 from pg_roles where rolname = $1')) ? 'alter' : 'create';
    // Utility statements take no parameters: both values are quoted by the driver.
    await client.query(
      `${verb} role ${client.escapeIdentifier(name)} login nosuperuser nobypassrls password ${client.escapeLiteral(password)}`,
    );
    if (!(await exists('select 1 from pg_database where datname = $1'))) {
      await client.query(`create database ${client.escapeIdentifier(name)} owner ${client.escapeIdentifier(name)}`);
    }
  } finally {
    await client.end();
  }
  const url = new URL(ownerUrl);
  url.username = name;
  url.password = password;
  url.pathname = `/${name}`;
  return url.href;
}
