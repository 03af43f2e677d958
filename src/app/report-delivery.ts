/** Sends reports when their periods have ended, each once for each period, to whoever the schedule names. */
import type { Logger } from 'pino';
import { nextStep, type SendOutcome } from '../control/alert-retry.ts';
import type { StaffActor } from '../domain/actor.ts';
import { periodAt, type ZoneOffset } from '../domain/calendar-period.ts';
import { TenantryError, toError } from '../domain/errors.ts';
import type { ReportPeriod, ReportSchedule } from '../domain/report.ts';
import { DAY_MS, HOUR_MS, type Window } from '../domain/window.ts';
import type {
  DueReport,
  ReportResult,
  ReportScheduleStore,
  ReportTarget,
} from '../store/postgres/report-schedule-store.ts';
import type { Message } from './alert-senders/safe-post.ts';
import { signedHeaders } from './alert-senders/webhook-signature.ts';
import { type ReportFile, reportFile } from './report-format.ts';
import { type ReportSources, reportTable } from './report-tables.ts';

/** What lies in the message itself; a larger report is named with where to fetch it. */
const MOST_INLINE_BYTES = 4 * 1024 * 1024;
/** Apps send within seconds, and their retries take minutes; what comes later still is in the next export, not in the message. */
const SETTLE_MS = HOUR_MS;
const REPORTING: StaffActor = { kind: 'system', subject: 'reports' };
/** Days between Thursday, on which Unix time began, and Monday. */
const FIRST_MONDAY = 4;

export interface ReportDeliveryOptions {
  readonly schedules: ReportScheduleStore;
  readonly sources: ReportSources;
  readonly post: (message: Message) => Promise<SendOutcome>;
  readonly zone: (timeZone: string) => ZoneOffset;
  /** Address of this server for people and programs outside. */
  readonly publicUrl: () => string;
  readonly log: Logger;
}

/** The period that has most recently ended at `at`. */
export function endedPeriod(period: ReportPeriod, at: number, zone: ZoneOffset): Window {
  if (period !== 'week') return periodAt(period, periodAt(period, at, zone).from - 1, zone);
  const today = periodAt('day', at, zone).from;
  let from = today;
  // Day by day and not by 168 hours: a week in which clocks change is longer or shorter.
  while (weekday(from, zone) !== 0) from = periodAt('day', from - 1, zone).from;
  let begin = from;
  for (let days = 0; days < 7; days += 1) begin = periodAt('day', begin - 1, zone).from;
  return { from: begin, to: from };
}

/** 0: Monday. */
function weekday(at: number, zone: ZoneOffset): number {
  const days = Math.floor((at + zone(at) * 60_000) / DAY_MS);
  return (((days - FIRST_MONDAY) % 7) + 7) % 7;
}

/** When the period that runs at `at` will have ended, and what belongs to it have arrived. */
export function nextReportAt(period: ReportPeriod, at: number, zone: ZoneOffset): number {
  let end = periodAt(period === 'week' ? 'day' : period, at, zone).to;
  while (period === 'week' && weekday(end, zone) !== 0) end = periodAt('day', end, zone).to;
  return end + SETTLE_MS;
}

export class ReportDeliveries {
  readonly #options: ReportDeliveryOptions;

  constructor(options: ReportDeliveryOptions) {
    this.#options = options;
  }

  /** Enters what has become due, then sends what waits. Several servers may do so at once. */
  async tick(now: number): Promise<void> {
    const { schedules, zone } = this.#options;
    for (const schedule of await schedules.list(REPORTING)) {
      if (schedule.nextAt > now) continue;
      const offset = zone(schedule.timeZone);
      // What had ended by then; after a long silence the newest alone, as the others are there to be exported.
      const settled = now - SETTLE_MS;
      await schedules.enter(
        schedule,
        endedPeriod(schedule.period, settled, offset),
        nextReportAt(schedule.period, settled, offset),
      );
    }
    for (let due = await schedules.claim(); due !== undefined; due = await schedules.claim()) {
      await schedules.finish(due, await this.#send(due));
    }
  }

  async #send(due: DueReport): Promise<ReportResult> {
    const { log } = this.#options;
    const { attempts, firstDueAt, claimedAt: now } = due;
    let rows = 0;
    let outcome: SendOutcome;
    try {
      if (due.target === undefined) outcome = { kind: 'retry', reason: 'setup', detail: due.problem };
      else {
        const table = await reportTable(this.#options.sources, REPORTING, {
          ...{ dataset: due.schedule.dataset, window: due.window, step: due.schedule.step },
          tenantId: due.schedule.tenantId ?? undefined,
        });
        rows = table.rows.length;
        const file = reportFile(table, due.schedule.format);
        outcome = await this.#options.post(reportMessage(due, due.target, { file, rows, now, url: this.#urlOf(due) }));
      }
    } catch (thrown) {
      // A store that is away comes back; a report that is too large does not become smaller.
      const isFinal = thrown instanceof TenantryError && thrown.code === 'QUERY_TOO_HEAVY';
      log.warn({ err: toError(thrown), schedule: due.schedule.id }, 'a report could not be made');
      outcome = { kind: isFinal ? 'refused' : 'retry', reason: 'message', detail: 'the report could not be made' };
    }
    if (outcome.kind === 'sent') return { state: 'sent', rows };
    const step = nextStep(outcome, { attempts, firstDueAt }, { now, chance: Math.random() });
    if (step.kind === 'again') return { state: 'waiting', detail: outcome.detail, dueAt: step.dueAt };
    log.error({ schedule: due.schedule.id, detail: outcome.detail }, 'a report was not delivered; given up');
    return { state: 'failed', detail: outcome.detail };
  }

  #urlOf({ schedule, window }: DueReport): string {
    const query = new URLSearchParams({
      from: new Date(window.from).toISOString(),
      to: new Date(window.to).toISOString(),
      format: schedule.format,
      ...(schedule.dataset === 'usage' ? { step: schedule.step } : {}),
      ...(schedule.tenantId === null ? {} : { tenant_id: schedule.tenantId }),
    });
    return `${this.#options.publicUrl()}/v1/exports/${schedule.dataset}?${query}`;
  }
}

/**
 * Signed as the Standard Webhooks specification says. The id is that of schedule and period: a receiver that has seen it
 * has this report.
 */
function reportMessage(
  { schedule, window }: { readonly schedule: ReportSchedule; readonly window: Window },
  target: ReportTarget,
  {
    file,
    rows,
    now,
    url,
  }: { readonly file: ReportFile; readonly rows: number; readonly now: number; readonly url: string },
): Message {
  const id = `report_${schedule.id}_${Math.floor(window.from / HOUR_MS)}`;
  const isInline = file.content.length <= MOST_INLINE_BYTES;
  const isText = file.extension !== 'parquet';
  const body = JSON.stringify({
    type: 'report.ready',
    timestamp: new Date(now).toISOString(),
    data: {
      schedule: schedule.name,
      dataset: schedule.dataset,
      tenant_id: schedule.tenantId,
      from: new Date(window.from).toISOString(),
      to: new Date(window.to).toISOString(),
      format: schedule.format,
      rows,
      bytes: file.content.length,
      encoding: isText ? 'utf-8' : 'base64',
      content: isInline ? file.content.toString(isText ? 'utf8' : 'base64') : null,
      url,
    },
  });
  return { url: target.url, headers: signedHeaders(target.signingSecret, id, now, body), body };
}
