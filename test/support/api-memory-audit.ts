import type { Audit } from '../../src/api/audit-ports.ts';
import type { Actor } from '../../src/domain/actor.ts';
import type { AuditChainState, AuditHead, AuditQuestion, AuditRecord } from '../../src/domain/audit.ts';

/** Records that tests enter, newest first; every question is kept. */
export class MemoryAudit implements Audit {
  readonly records: AuditRecord[] = [];
  readonly questions: (AuditQuestion & { readonly actor: string | undefined; readonly reader: Actor })[] = [];

  readonly chainQuestions: { readonly fresh: boolean; readonly head: AuditHead | undefined }[] = [];
  chainState: AuditChainState = {
    ...{ state: 'intact', checkedAt: 1_750_000_000_000, entries: 2, progress: null, problems: [], problemsTotal: 0 },
    head: { position: 2, hash: 'ab'.repeat(32) },
  };

  async page(reader: Actor, question: AuditQuestion) {
    this.questions.push({ ...question, actor: question.actor, reader });
    const { tenantId, beforeSeq = Number.POSITIVE_INFINITY, limit } = question;
    return this.records
      .filter((record) => (tenantId === undefined || record.tenantId === tenantId) && record.seq < beforeSeq)
      .slice(0, limit);
  }

  async chain(question: { readonly fresh: boolean; readonly head: AuditHead | undefined }) {
    this.chainQuestions.push(question);
    return this.chainState;
  }

  async *file(reader: Actor, question: AuditQuestion, format: string) {
    const records = await this.page(reader, question);
    yield Buffer.from(`${format} of ${records.length}`);
  }
}
