/** What the api needs of reports: tables as files, statements, and schedules. Times are Unix ms. */
import type { Actor, StaffActor } from '../domain/actor.ts';
import type { NewReportSchedule, ReportFormat, ReportQuestion, ReportSchedule } from '../domain/report.ts';
import type { TenantId } from '../domain/tenant-id.ts';

export interface Reports {
  /** @throws TenantryError QUERY_TOO_HEAVY when the table has more rows than one file should */
  file(
    actor: Actor,
    question: ReportQuestion,
    format: ReportFormat,
  ): Promise<{ readonly contentType: string; readonly extension: string; readonly content: Buffer }>;
  /** A month's statement as a page of HTML, and the policy that a browser is to hold it to. `month`: 1 to 12. */
  statement(
    actor: Actor,
    question: {
      readonly tenantId: TenantId;
      readonly year: number;
      readonly month: number;
      readonly audience: 'customer' | 'internal';
      readonly now: number;
    },
  ): Promise<{ readonly html: string; readonly contentSecurityPolicy: string }>;
  schedules(actor: StaffActor): Promise<readonly ReportSchedule[]>;
  /** @throws TenantryError CONFLICT when the name is taken or there are too many */
  createSchedule(actor: StaffActor, schedule: NewReportSchedule, now: number): Promise<ReportSchedule>;
  /** False if there is none with this id. */
  removeSchedule(actor: StaffActor, id: string): Promise<boolean>;
}
