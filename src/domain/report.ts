/** Words of reports: tables that leave the house as files, once or on a schedule. */
import type { TenantId } from './tenant-id.ts';
import type { Window } from './window.ts';

export const REPORT_DATASETS = ['usage', 'quotas', 'ai-costs', 'costs', 'margins'] as const;
export type ReportDataset = (typeof REPORT_DATASETS)[number];

export const REPORT_FORMATS = ['csv', 'json', 'parquet'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** Of a usage report: one row for the whole time, or one for each day or month (UTC). */
export const REPORT_STEPS = ['total', 'day', 'month'] as const;
export type ReportStep = (typeof REPORT_STEPS)[number];

/** `integer` values are bigint: sums of bytes and nanoseconds pass 2^53. `time` is Unix ms. null: unknown, never zero. */
type ReportColumnType = 'text' | 'integer' | 'ratio' | 'time';
export type ReportValue = string | bigint | number | null;

export interface ReportColumn {
  readonly name: string;
  readonly type: ReportColumnType;
}

/** Rows have a value for each column, in their order. */
export interface ReportTable {
  readonly columns: readonly ReportColumn[];
  readonly rows: readonly (readonly ReportValue[])[];
}

export interface ReportQuestion {
  readonly dataset: ReportDataset;
  readonly window: Window;
  readonly step: ReportStep;
  /** Absent: every tenant. */
  readonly tenantId?: TenantId | undefined;
}

/** Each report tells of the period that has just ended: the day, the week from Monday, or the month. */
export const REPORT_PERIODS = ['day', 'week', 'month'] as const;
export type ReportPeriod = (typeof REPORT_PERIODS)[number];

export interface NewReportSchedule {
  readonly name: string;
  readonly dataset: ReportDataset;
  readonly format: ReportFormat;
  readonly step: ReportStep;
  readonly period: ReportPeriod;
  /** IANA name of the zone in which periods begin and end. */
  readonly timeZone: string;
  readonly tenantId: TenantId | null;
  readonly url: string;
  /** `whsec_` and base64, as the Standard Webhooks specification has it. */
  readonly signingSecret: string;
}

/** Times are Unix ms. Where it goes is told without path and secret. */
export interface ReportSchedule extends Omit<NewReportSchedule, 'url' | 'signingSecret'> {
  readonly id: string;
  readonly host: string;
  readonly createdBy: string;
  readonly createdAt: number;
  /** When the next report is due. */
  readonly nextAt: number;
  readonly lastDelivery: ReportDelivery | null;
}

export interface ReportDelivery {
  readonly window: Window;
  readonly state: 'waiting' | 'sent' | 'failed';
  readonly attempts: number;
  /** For people; holds no part of address or secret. */
  readonly detail: string | null;
  readonly rows: number | null;
  readonly at: number;
}
