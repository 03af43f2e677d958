import { randomUUID } from 'node:crypto';
import type { Reports } from '../../src/api/reports-ports.ts';
import { reportFile } from '../../src/app/report-format.ts';
import type { Actor, StaffActor } from '../../src/domain/actor.ts';
import type { NewReportSchedule, ReportFormat, ReportQuestion, ReportSchedule } from '../../src/domain/report.ts';

/** Files of one row, statements of one line, and schedules as they were entered; every question is kept. */
export class MemoryReports implements Reports {
  readonly questions: (ReportQuestion & { readonly actor: Actor })[] = [];
  readonly statements: Parameters<Reports['statement']>[1][] = [];
  readonly #schedules = new Map<string, ReportSchedule>();

  async file(actor: Actor, question: ReportQuestion, format: ReportFormat) {
    this.questions.push({ ...question, actor });
    const columns = [{ name: 'tenant_id', type: 'text' as const }];
    return reportFile({ columns, rows: [[question.tenantId ?? '=everybody']] }, format);
  }

  async statement(_actor: Actor, question: Parameters<Reports['statement']>[1]) {
    this.statements.push(question);
    return { html: `<p>${question.audience}</p>`, contentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'" };
  }

  async schedules(_actor: StaffActor) {
    return [...this.#schedules.values()];
  }

  async createSchedule(actor: StaffActor, { url, signingSecret, ...terms }: NewReportSchedule, now: number) {
    const made: ReportSchedule = {
      ...{ ...terms, id: randomUUID(), host: new URL(url).host, createdBy: actor.subject },
      ...{ createdAt: now, nextAt: now + signingSecret.length, lastDelivery: null },
    };
    this.#schedules.set(made.id, made);
    return made;
  }

  async removeSchedule(_actor: StaffActor, id: string) {
    return this.#schedules.delete(id);
  }
}
