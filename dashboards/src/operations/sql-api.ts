import type { SqlBody, SqlResult, SqlTableList } from '../../../src/api/sql-contract.ts';
import { ask, get } from '../shared/api-client.ts';

/** A statement may take ten seconds, and may have waited for others before. */
const TIMEOUT_MS = 60_000;

/** An abort ends the statement in the database as well. */
export function runSql(body: SqlBody, signal: AbortSignal): Promise<SqlResult> {
  return ask('/v1/sql', body, signal, TIMEOUT_MS);
}

export async function sqlTables(signal: AbortSignal): Promise<SqlTableList['items']> {
  return (await get<SqlTableList>('/v1/sql/tables', {}, signal)).items;
}
