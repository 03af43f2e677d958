import type { Actor } from '../domain/actor.ts';
import type { AuditChainState, AuditHead, AuditQuestion, AuditRecord } from '../domain/audit.ts';

export type AuditFileFormat = 'csv' | 'json';

export interface Audit {
  /** Newest first, as `actor` may read them. */
  page(actor: Actor, question: AuditQuestion): Promise<readonly AuditRecord[]>;
  /** Every record that `question` asks for, in pieces of one file; its `limit` and `beforeSeq` do not matter. */
  file(actor: Actor, question: AuditQuestion, format: AuditFileFormat): AsyncIterable<Uint8Array>;
  /**
   * Whether the log is whole. A check is begun where the last is old or `fresh` is asked for; one that takes long is
   * told as `checking`. `head`: one that the asker kept, to be compared with the chain.
   */
  chain(question: { readonly fresh: boolean; readonly head: AuditHead | undefined }): Promise<AuditChainState>;
}
