import { stringify } from 'csv-stringify/sync';
import type { Audit, AuditFileFormat } from '../api/audit-ports.ts';
import { guarded } from '../cost/focus-guard.ts';
import type { Actor } from '../domain/actor.ts';
import { type AuditQuestion, type AuditRecord, auditForTenant } from '../domain/audit.ts';
import { AuditLog } from '../store/postgres/audit-log.ts';
import type { Postgres } from '../store/postgres/postgres.ts';

const ROWS_AT_ONCE = 2_000;
const COLUMNS = [
  ...['id', 'at', 'actor', 'role', 'action', 'tenant_id', 'resource', 'before', 'after', 'request_id'],
] as const;

function asReadBy(actor: Actor, records: readonly AuditRecord[]): readonly AuditRecord[] {
  return actor.kind === 'staff' || actor.kind === 'system' ? records : records.map(auditForTenant);
}

async function* everyRecord(log: AuditLog, actor: Actor, question: AuditQuestion) {
  for (let beforeSeq: number | undefined; ; ) {
    const records = await log.find(actor, { ...question, beforeSeq, limit: ROWS_AT_ONCE });
    yield asReadBy(actor, records);
    const last = records.at(-1);
    if (last === undefined || records.length < ROWS_AT_ONCE) return;
    beforeSeq = last.seq;
  }
}

const timeOf = ({ at }: AuditRecord) => new Date(at).toISOString();
const jsonText = (value: unknown) => (value === null || value === undefined ? '' : JSON.stringify(value));

/** Text that a spreadsheet would run begins with an apostrophe. */
function csvRow(record: AuditRecord): string[] {
  const { seq, subject, role, action, tenantId, resource, before, after, requestId } = record;
  const texts = [subject, role, action, tenantId ?? '', resource, jsonText(before), jsonText(after), requestId ?? ''];
  return [String(seq), timeOf(record), ...texts.map(guarded)];
}

function jsonRow(record: AuditRecord): string {
  const { seq, subject, role, action, tenantId, resource, before, after, requestId } = record;
  const values = [String(seq), timeOf(record), subject, role, action, tenantId, resource, before, after, requestId];
  return JSON.stringify(Object.fromEntries(COLUMNS.map((name, index) => [name, values[index] ?? null])));
}

async function* fileOf(pages: AsyncIterable<readonly AuditRecord[]>, format: AuditFileFormat) {
  const isCsv = format === 'csv';
  yield Buffer.from(isCsv ? stringify([[...COLUMNS]], { record_delimiter: '\r\n' }) : '[');
  let rows = 0;
  for await (const records of pages) {
    if (records.length === 0) continue;
    const text = isCsv
      ? stringify(records.map(csvRow), { record_delimiter: '\r\n' })
      : `${rows === 0 ? '\n' : ',\n'}${records.map(jsonRow).join(',\n')}`;
    rows += records.length;
    yield Buffer.from(text);
  }
  if (!isCsv) yield Buffer.from('\n]\n');
}

/** The audit log as pages and files. */
export function startAuditExplorer({ postgres }: { readonly postgres: Postgres }): { readonly audit: Audit } {
  const log = new AuditLog(postgres);
  return {
    audit: {
      page: async (actor, question) => asReadBy(actor, await log.find(actor, question)),
      file: (actor, question, format) => fileOf(everyRecord(log, actor, question), format),
    },
  };
}
