import type { SqlDesk } from '../../src/api/sql-ports.ts';
import type { StaffActor, TenantActor } from '../../src/domain/actor.ts';
import type { SqlAnswer, SqlRun } from '../../src/domain/sql.ts';

/** Answers what tests say, staff and tenants alike; every run is kept. */
export class MemorySql implements SqlDesk {
  readonly runs: { readonly actor: StaffActor | TenantActor; readonly run: SqlRun }[] = [];
  answer: SqlAnswer = {
    columns: [{ name: 'TenantId', type: 'String' }],
    rows: [['acme']],
    ...{ truncated: false, rowsRead: 1, bytesRead: 8, elapsedMs: 1.5 },
  };
  /** Instead of the answer. */
  instead: ((run: SqlRun) => Promise<SqlAnswer>) | undefined;

  async run(actor: StaffActor | TenantActor, run: SqlRun): Promise<SqlAnswer> {
    this.runs.push({ actor, run });
    return this.instead === undefined ? this.answer : this.instead(run);
  }

  async tables() {
    return [{ name: 'spans', columns: [{ name: 'TenantId', type: 'LowCardinality(String)' }] }];
  }

  csv({ rows }: SqlAnswer): string {
    return `csv of ${rows.length}\r\n`;
  }
}
