import { stringify } from 'csv-stringify/sync';
import type { Logger } from 'pino';
import type { Audit, AuditFileFormat } from '../api/audit-ports.ts';
import { guarded } from '../cost/focus-guard.ts';
import type { Actor } from '../domain/actor.ts';
import { type AuditQuestion, type AuditRecord, auditForTenant } from '../domain/audit.ts';
import { toError } from '../domain/errors.ts';
import { HOUR_MS } from '../domain/window.ts';
import { AuditChainReader } from '../store/postgres/audit-chain.ts';
import { AuditLog } from '../store/postgres/audit-log.ts';
import type { Postgres } from '../store/postgres/postgres.ts';
import type { AuditAnchor } from './audit-anchor.ts';
import { ChainWatch, headProblem } from './audit-explorer-chain.ts';
import { runEvery } from './schedule.ts';

/** About a second on two cores. */
const WALKED_AT_STOP_MAX = 50_000;
const CHECK_EVERY_MS = HOUR_MS;
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

interface AuditExplorerOptions {
  readonly postgres: Postgres;
  readonly dataDir: string;
  readonly log: Logger;
  /** Where heads are kept outside the database. */
  readonly anchor?: AuditAnchor | undefined;
}

/** The audit log as pages and files, and a look every hour at whether it is whole. */
export function startAuditExplorer({ postgres, dataDir, log, anchor }: AuditExplorerOptions): {
  readonly audit: Audit;
  stop(): Promise<void>;
} {
  const records = new AuditLog(postgres);
  const reader = new AuditChainReader(postgres);
  const watch = new ChainWatch({ reader, dataDir, log, now: Date.now, anchor });
  const schedule = runEvery(CHECK_EVERY_MS, 'audit-chain', log, () => watch.check());
  const chain: Audit['chain'] = async ({ fresh, head }) => {
    const state = await watch.state({ fresh });
    if (head === undefined) return state;
    const problem = headProblem(head, await reader.hashAt(head.position), state.head?.position ?? 0);
    if (problem === undefined) return state;
    const problems = [problem, ...state.problems];
    const known = state.state === 'checking' ? state.state : 'broken';
    return { ...state, state: known, problems, problemsTotal: state.problemsTotal + 1 };
  };
  return {
    audit: {
      page: async (actor, question) => asReadBy(actor, await records.find(actor, question)),
      file: (actor, question, format) => fileOf(everyRecord(records, actor, question), format),
      chain,
    },
    stop: async () => {
      await schedule.stop();
      if (anchor !== undefined) await lastHead(reader, watch, log);
    },
  };
}

/** The head at the end of a run, unless it takes long to see that the log is whole: then that of the last hour has to do. */
async function lastHead(reader: AuditChainReader, watch: ChainWatch, log: Logger): Promise<void> {
  try {
    if ((await reader.length()) <= WALKED_AT_STOP_MAX) await watch.check();
  } catch (thrown) {
    log.warn({ err: toError(thrown) }, 'the audit log was not checked a last time');
  }
}
