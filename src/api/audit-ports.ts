import type { Actor } from '../domain/actor.ts';
import type { AuditQuestion, AuditRecord } from '../domain/audit.ts';

export type AuditFileFormat = 'csv' | 'json';

export interface Audit {
  /** Newest first, as `actor` may read them. */
  page(actor: Actor, question: AuditQuestion): Promise<readonly AuditRecord[]>;
  /** Every record that `question` asks for, in pieces of one file; its `limit` and `beforeSeq` do not matter. */
  file(actor: Actor, question: AuditQuestion, format: AuditFileFormat): AsyncIterable<Uint8Array>;
}
