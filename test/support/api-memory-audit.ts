import type { Audit } from '../../src/api/audit-ports.ts';
import type { Actor } from '../../src/domain/actor.ts';
import type { AuditQuestion, AuditRecord } from '../../src/domain/audit.ts';

/** Records that tests enter, newest first; every question is kept. */
export class MemoryAudit implements Audit {
  readonly records: AuditRecord[] = [];
  readonly questions: (AuditQuestion & { readonly actor: string | undefined; readonly reader: Actor })[] = [];

  async page(reader: Actor, question: AuditQuestion) {
    this.questions.push({ ...question, actor: question.actor, reader });
    const { tenantId, beforeSeq = Number.POSITIVE_INFINITY, limit } = question;
    return this.records
      .filter((record) => (tenantId === undefined || record.tenantId === tenantId) && record.seq < beforeSeq)
      .slice(0, limit);
  }

  async *file(reader: Actor, question: AuditQuestion, format: string) {
    const records = await this.page(reader, question);
    yield Buffer.from(`${format} of ${records.length}`);
  }
}
