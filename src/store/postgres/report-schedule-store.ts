import { randomUUID } from 'node:crypto';
import type { StaffActor } from '../../domain/actor.ts';
import { TenantryError } from '../../domain/errors.ts';
import type { NewReportSchedule, ReportDelivery, ReportSchedule } from '../../domain/report.ts';
import type { Window } from '../../domain/window.ts';
import type { Postgres } from './postgres.ts';
import { unixMs } from './sql-time.ts';
import type { Transaction } from './transaction.ts';
import { isUuid } from './uuid.ts';

/** Where a report goes; a secret, as whoever has it may post in our name. */
export interface ReportTarget {
  readonly url: string;
  readonly signingSecret: string;
}

/** Keeps targets so that whoever reads the database does not have them. */
export interface ReportVault {
  seal(scheduleId: string, target: ReportTarget): string;
  /** The target, or why it cannot be read. */
  open(scheduleId: string, sealed: string): { readonly target: ReportTarget } | { readonly problem: string };
  isCurrent(sealed: string): boolean;
}

/** One report that is to be made and sent now, by whoever claimed it. */
export interface DueReport {
  readonly schedule: ReportSchedule;
  readonly window: Window;
  readonly attempts: number;
  readonly firstDueAt: number;
  /** Now, on the clock that due times are compared with. */
  readonly claimedAt: number;
  readonly target: ReportTarget | undefined;
  readonly problem: string;
}

export type ReportResult =
  | { readonly state: 'sent'; readonly rows: number }
  | { readonly state: 'failed'; readonly detail: string }
  | { readonly state: 'waiting'; readonly detail: string; readonly dueAt: number };

const REPORTING: StaffActor = { kind: 'system', subject: 'reports' };
/** Each is made by hand, and each takes its turn every few seconds. */
const MOST_SCHEDULES = 200;
/** Whoever claimed a report and died is taken over after so long. */
const CLAIM_SECONDS = 300;
const OWN_RECORD = 'report_deliveries is its own record';

const COLUMNS = `s.id, s.name, s.dataset, s.format, s.step, s.period, s.time_zone as "timeZone",
  s.about_tenant as "tenantId", s.host, s.created_by as "createdBy", ${unixMs('s.created_at')} as "createdAt",
  ${unixMs('s.next_at')} as "nextAt"`;

type ScheduleRow = Omit<ReportSchedule, 'lastDelivery'>;

/** Schedules of reports and the record of what was sent. Targets go in, and come out for the sender alone. */
export class ReportScheduleStore {
  readonly #postgres: Postgres;
  readonly #vault: ReportVault;

  constructor(postgres: Postgres, vault: ReportVault) {
    this.#postgres = postgres;
    this.#vault = vault;
  }

  /** @throws TenantryError CONFLICT when the name is taken or there are too many */
  async create(
    actor: StaffActor,
    { url, signingSecret, ...terms }: NewReportSchedule,
    nextAt: number,
  ): Promise<ReportSchedule> {
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const known = await transaction.query<{ name: string }>('select name from tenantry.report_schedules');
      if (known.length >= MOST_SCHEDULES) {
        throw new TenantryError('CONFLICT', `There are ${MOST_SCHEDULES} report schedules already.`, {
          hint: 'Delete one that is not needed.',
        });
      }
      if (known.some(({ name }) => name === terms.name)) {
        throw new TenantryError('CONFLICT', 'There is a report schedule with this name.', {
          hint: 'GET /v1/report-schedules lists them.',
        });
      }
      const id = randomUUID();
      const host = new URL(url).host;
      await transaction.query(
        `insert into tenantry.report_schedules
           (id, name, dataset, format, step, period, time_zone, about_tenant, sealed_target, host, created_by, next_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, to_timestamp($12::float8 / 1000))`,
        [
          ...[id, terms.name, terms.dataset, terms.format, terms.step, terms.period, terms.timeZone, terms.tenantId],
          ...[this.#vault.seal(id, { url, signingSecret }), host, actor.subject, nextAt],
        ],
      );
      await transaction.audit({
        action: 'report-schedule.create',
        resource: `report-schedule/${id}`,
        ...(terms.tenantId === null ? {} : { tenantId: terms.tenantId }),
        after: { ...terms, host },
      });
      const made = (await readSchedules(transaction)).find((one) => one.id === id);
      if (made === undefined) throw new TenantryError('INTERNAL', 'The schedule just written cannot be read');
      return made;
    });
  }

  async list(actor: StaffActor): Promise<readonly ReportSchedule[]> {
    return this.#postgres.inStaffTransaction(actor, readSchedules);
  }

  /** False if there is none with this id. */
  async remove(actor: StaffActor, id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    return this.#postgres.inStaffTransaction(actor, async (transaction) => {
      const [gone] = await transaction.query<{ name: string; dataset: string; host: string }>(
        'delete from tenantry.report_schedules where id = $1 returning name, dataset, host',
        [id],
      );
      if (gone === undefined) return false;
      await transaction.audit({
        action: 'report-schedule.delete',
        resource: `report-schedule/${id}`,
        before: gone,
      });
      return true;
    });
  }

  /**
   * Enters the period that a schedule is due for, and moves the schedule on. Twice is once: the period is its key.
   * @returns false when somebody else was first
   */
  async enter(schedule: ReportSchedule, window: Window, nextAt: number): Promise<boolean> {
    return this.#postgres.inStaffTransaction(REPORTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const moved = await transaction.query(
        `update tenantry.report_schedules set next_at = to_timestamp($3::float8 / 1000)
         where id = $1 and next_at = to_timestamp($2::float8 / 1000) returning 1`,
        [schedule.id, schedule.nextAt, nextAt],
      );
      if (moved.length === 0) return false;
      await transaction.query(
        `insert into tenantry.report_deliveries (schedule_id, period_from, period_to, state)
         values ($1, to_timestamp($2::float8 / 1000), to_timestamp($3::float8 / 1000), 'waiting') on conflict do nothing`,
        [schedule.id, window.from, window.to],
      );
      return true;
    });
  }

  /** Claims the report that has waited longest; undefined: none is due. */
  async claim(): Promise<DueReport | undefined> {
    return this.#postgres.inStaffTransaction(REPORTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const [row] = await transaction.query<{
        scheduleId: string;
        from: number;
        to: number;
        attempts: number;
        firstDueAt: number;
        claimedAt: number;
      }>(
        `update tenantry.report_deliveries d
         set attempts = attempts + 1, at = clock_timestamp(), due_at = clock_timestamp() + make_interval(secs => $1)
         where (schedule_id, period_from) = (
           select schedule_id, period_from from tenantry.report_deliveries
           where state = 'waiting' and due_at <= clock_timestamp()
           order by due_at limit 1 for update skip locked)
         returning schedule_id as "scheduleId", ${unixMs('period_from')} as "from", ${unixMs('period_to')} as "to",
                   attempts, ${unixMs('first_due_at')} as "firstDueAt", ${unixMs('at')} as "claimedAt"`,
        [CLAIM_SECONDS],
      );
      if (row === undefined) return undefined;
      const schedule = (await readSchedules(transaction)).find(({ id }) => id === row.scheduleId);
      const [sealed] = await transaction.query<{ text: string }>(
        'select sealed_target as text from tenantry.report_schedules where id = $1',
        [row.scheduleId],
      );
      if (schedule === undefined || sealed === undefined) return undefined;
      const opened = this.#vault.open(schedule.id, sealed.text);
      const { from, to, attempts, firstDueAt, claimedAt } = row;
      return {
        ...{ schedule, attempts, firstDueAt, claimedAt, window: { from, to } },
        target: 'target' in opened ? opened.target : undefined,
        problem: 'problem' in opened ? opened.problem : '',
      };
    });
  }

  async finish({ schedule, window }: DueReport, result: ReportResult): Promise<void> {
    await this.#postgres.inStaffTransaction(REPORTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      await transaction.query(
        `update tenantry.report_deliveries
         set state = $3, detail = $4, report_rows = coalesce($5, report_rows), at = clock_timestamp(),
             due_at = case when $6::float8 is null then due_at else to_timestamp($6::float8 / 1000) end
         where schedule_id = $1 and period_from = to_timestamp($2::float8 / 1000)`,
        [
          ...[schedule.id, window.from, result.state],
          result.state === 'sent' ? null : result.detail.slice(0, 500),
          result.state === 'sent' ? result.rows : null,
          result.state === 'waiting' ? result.dueAt : null,
        ],
      );
    });
  }

  /** Seals anew what is sealed under an older key. What cannot be read is left as it is: its key may come back. */
  async sealAll(): Promise<{ readonly sealed: number; readonly unreadable: readonly string[] }> {
    return this.#postgres.inStaffTransaction(REPORTING, async (transaction) => {
      transaction.unaudited(OWN_RECORD);
      const rows = await transaction.query<{ id: string; name: string; text: string }>(
        'select id, name, sealed_target as text from tenantry.report_schedules order by id for update',
      );
      const unreadable: string[] = [];
      let sealed = 0;
      for (const { id, name, text } of rows) {
        const opened = this.#vault.open(id, text);
        if ('problem' in opened) unreadable.push(name);
        else if (!this.#vault.isCurrent(text)) {
          await transaction.query('update tenantry.report_schedules set sealed_target = $2 where id = $1', [
            ...[id, this.#vault.seal(id, opened.target)],
          ]);
          sealed += 1;
        }
      }
      return { sealed, unreadable };
    });
  }
}

/** Every schedule by name, with the newest of its deliveries. */
async function readSchedules(transaction: Transaction): Promise<readonly ReportSchedule[]> {
  const rows = await transaction.query<
    ScheduleRow & Partial<Omit<ReportDelivery, 'window'>> & { readonly from: number | null; readonly to: number | null }
  >(
    `select ${COLUMNS}, ${unixMs('d.period_from')} as "from", ${unixMs('d.period_to')} as "to", d.state, d.attempts,
            d.detail, d.report_rows::float8 as rows, ${unixMs('d.at')} as at
     from tenantry.report_schedules s
     left join lateral (
       select * from tenantry.report_deliveries where schedule_id = s.id order by period_from desc limit 1) d on true
     order by s.name`,
  );
  return rows.map(({ from, to, state, attempts, detail, rows: count, at, ...schedule }) => ({
    ...schedule,
    lastDelivery:
      from === null || to === null || state === undefined
        ? null
        : {
            window: { from, to },
            ...{ state, attempts: attempts ?? 0, detail: detail ?? null, rows: count ?? null, at: at ?? 0 },
          },
  }));
}
