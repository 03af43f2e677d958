import type { QueryParam } from '../domain/analytics-query.ts';
import type { MeterDefinition, MeterWindow } from '../domain/meter.ts';
import { alignOutwards, MINUTE_MS, type Window } from '../domain/window.ts';
import { type Fragment, tenantCondition, timeCondition, type Whose } from './rollup-source.ts';
import { type Level, planLevels } from './time-levels.ts';

export interface MeterSqlQuestion {
  readonly meter: MeterDefinition;
  /** Widened to whole minutes: rollups know nothing finer. */
  readonly window: Window;
  /** Absent: one value over the whole window. */
  readonly step?: MeterWindow | undefined;
  readonly whose: Whose;
  /** False: one value for all tenants together. */
  readonly byTenant: boolean;
  /** Names of the meter's groups. */
  readonly groupBy: readonly string[];
}

/** The amount is a text: a JSON number would lose its digits. */
export interface MeterRow {
  /** '' where all tenants are one. */
  readonly tenant_id: string;
  /** Unix seconds of the step's start; 0 without a step. */
  readonly at: number;
  readonly groups: readonly string[];
  /** Events of the type, and those of them that have a value. */
  readonly events: number;
  readonly measured: number;
  /** Of an average the sum; '0' of those that only count. */
  readonly amount: string;
  readonly distinct: number;
}

const STEP_START: Readonly<Record<MeterWindow, string>> = {
  minute: 'toStartOfMinute(Time)',
  hour: 'toStartOfHour(Time)',
  day: 'toStartOfDay(Time)',
  month: 'toStartOfMonth(Time)',
};
const FINEST_LEVEL: Readonly<Record<MeterWindow, Level>> = { minute: 'minute', hour: 'hour', day: 'day', month: 'day' };
const LEVELS: readonly Level[] = ['minute', 'hour', 'day'];

/** Whether the rollups can answer it: they know neither groups nor distinct texts. */
function isRolledUp({ meter, groupBy }: Pick<MeterSqlQuestion, 'meter' | 'groupBy'>): boolean {
  return meter.aggregation !== 'unique_count' && groupBy.length === 0;
}

/** One row a step, tenant and group, in this order. From rollups where they can answer, else from the events. */
export function meterSelect(question: MeterSqlQuestion): Fragment {
  return isRolledUp(question) ? fromRollups(question) : fromEvents(question);
}

function fromRollups(question: MeterSqlQuestion): Fragment {
  const { meter, window, step } = question;
  const tenant = tenantCondition(question.whose);
  const params: Record<string, QueryParam> = { ...tenant.params, type: meter.eventType, path: meter.valuePath ?? '' };
  const sources = piecesFor(window, step).map(({ level, window: piece }, index) => {
    const time = timeCondition(piece, `w${index}`);
    Object.assign(params, time.params);
    return `SELECT TenantId, Path, Time, Events, Total, Least, Most, Latest FROM event_values_by_${level}
            WHERE Type = {type:String} AND Path IN ('', {path:String}) AND ${time.sql} AND ${tenant.sql}`;
  });
  const ofValue = (aggregate: string, column: string) => `${aggregate}If(${column}, Path = {path:String})`;
  return {
    sql: `SELECT {nonce:String} AS nonce, ${keys(question)}, [] AS groups,
                 sumIf(Events, Path = '') AS events, ${ofValue('sum', 'Events')} AS measured,
                 ${amountOf(meter, {
                   sum: ofValue('sum', 'Total'),
                   min: ofValue('min', 'Least'),
                   max: ofValue('max', 'Most'),
                   latest: `${ofValue('max', 'Latest')}.4`,
                 })} AS amount, toUInt64(0) AS distinct
          FROM (${sources.join(' UNION ALL ')})
          GROUP BY at, tenant_id ORDER BY at, tenant_id`,
    params,
  };
}

function fromEvents(question: MeterSqlQuestion): Fragment {
  const { meter, window, groupBy } = question;
  const tenant = tenantCondition(question.whose);
  const time = timeCondition(alignOutwards(window, MINUTE_MS), 'w');
  const params: Record<string, QueryParam> = { ...tenant.params, ...time.params, type: meter.eventType };
  for (const [index, name] of groupBy.entries()) params[`group_${index}`] = meter.groupBy[name] ?? '';
  params['path'] = meter.valuePath ?? '';
  const groups = groupBy.map((_, index) => `Texts[{group_${index}:String}]`).join(', ');
  const isValue = meter.aggregation === 'unique_count' ? 'mapContains(Texts, {path:String})' : hasNumber(meter);
  return {
    sql: `SELECT {nonce:String} AS nonce, ${keys(question)}, ${groups === '' ? '[]' : `[${groups}]`} AS groups,
                 count() AS events, countIf(has_value) AS measured,
                 ${amountOf(meter, {
                   sum: 'sumIf(number, has_value)',
                   min: 'minIf(number, has_value)',
                   max: 'maxIf(number, has_value)',
                   latest: 'maxIf((Time, Source, Id, number), has_value).4',
                 })} AS amount,
                 ${meter.aggregation === 'unique_count' ? 'uniqExactIf(Texts[{path:String}], has_value)' : 'toUInt64(0)'} AS distinct
          FROM (SELECT TenantId, Time, Source, Id, Texts, Numbers[{path:String}] AS number, ${isValue} AS has_value
                FROM usage_events WHERE Type = {type:String} AND ${time.sql} AND ${tenant.sql})
          GROUP BY at, tenant_id, groups ORDER BY at, tenant_id, groups`,
    params,
  };
}

/** The one amount that the aggregation is made of: others would be read and merged for nothing. */
function amountOf(
  { aggregation }: MeterDefinition,
  by: Readonly<Record<'sum' | 'min' | 'max' | 'latest', string>>,
): string {
  switch (aggregation) {
    case 'sum':
    case 'avg':
      return `toString(${by.sum})`;
    case 'min':
    case 'max':
    case 'latest':
      return `toString(${by[aggregation]})`;
    case 'count':
    case 'unique_count':
      return "'0'";
  }
}

function hasNumber({ aggregation }: MeterDefinition): string {
  return aggregation === 'count' ? '1' : 'mapContains(Numbers, {path:String})';
}

function keys({ step, byTenant }: MeterSqlQuestion): string {
  const at = step === undefined ? 'toUInt32(0)' : `toUnixTimestamp(toDateTime(${STEP_START[step]}, 'UTC'))`;
  return `${byTenant ? 'toString(TenantId)' : "''"} AS tenant_id, ${at} AS at`;
}

/** Pieces whose rows never straddle the boundary of a step: an hour must not be answered from a day. */
function piecesFor(window: Window, step: MeterWindow | undefined) {
  const pieces = planLevels(window);
  if (step === undefined) return pieces;
  const coarsest = LEVELS.indexOf(FINEST_LEVEL[step]);
  return pieces.map((piece) =>
    LEVELS.indexOf(piece.level) <= coarsest ? piece : { ...piece, level: FINEST_LEVEL[step] },
  );
}
