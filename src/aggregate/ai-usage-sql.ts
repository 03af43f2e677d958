import type { AiUsage } from '../domain/ai-usage.ts';
import type { QueryParam } from '../domain/analytics-query.ts';
import { ceilTo, floorTo, HOUR_MS, MINUTE_MS, SECOND_MS, type Window } from '../domain/window.ts';
import {
  type Fragment,
  rollupTable,
  rowsInWindow,
  tenantCondition,
  timeCondition,
  type Whose,
} from './rollup-source.ts';

/** The counts that prices are multiplied with. */
export const AI_COUNTS = [
  'calls',
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
  'reasoningTokens',
  'searchUnits',
] as const satisfies readonly (keyof AiUsage)[];

export interface AiUsageBreakdown {
  /** Widened to whole minutes. */
  readonly window: Window;
  /** Unix ms of whole minutes inside the window, ascending: usage before and after each is added up apart. */
  readonly cuts?: readonly number[] | undefined;
  /** Tells hours of the day apart. */
  readonly byHour?: boolean | undefined;
  /** Only these models, as reported. */
  readonly names?: readonly { readonly provider: string; readonly model: string }[] | undefined;
}

/** What a price depends on. */
const KEYS = `Provider AS provider, Model AS model, Operation AS operation, InputTier AS inputTier, ServiceTier AS serviceTier`;

const SUMS = `sum(Calls) AS calls, sum(InputTokens) AS inputTokens, sum(OutputTokens) AS outputTokens,
       sum(CacheReadTokens) AS cacheReadTokens, sum(CacheWriteTokens) AS cacheWriteTokens,
       sum(ReasoningTokens) AS reasoningTokens, sum(SearchUnits) AS searchUnits`;

/** Sums of AI usage by tenant and everything that its price depends on. */
export function aiUsageSums(question: AiUsageBreakdown, whose: Whose): Fragment {
  const { cuts = [], byHour = false, names } = question;
  const rows = byHour ? hoursInWindow(question.window, whose) : partsOfWindow(question.window, cuts, whose);
  const params: Record<string, QueryParam> = { ...rows.params };
  if (cuts.length > 0) params['cuts'] = cuts.map((cut) => cut / SECOND_MS);
  if (names !== undefined) params['names'] = names.map(({ provider, model }) => `${provider}\n${model}`);
  const part = cuts.length === 0 ? '0' : 'arrayCount(cut -> cut <= toUnixTimestamp(Time), {cuts:Array(UInt32)})';
  const chosen = names === undefined ? '1' : "concat(Provider, '\\n', Model) IN {names:Array(String)}";
  return {
    sql: `SELECT TenantId AS tenant_id, ${part} AS part, ${byHour ? 'toInt8(toHour(Time))' : '-1'} AS hour, ${KEYS}, ${SUMS}
          FROM ${rows.sql} WHERE ${chosen}
          GROUP BY tenant_id, part, hour, provider, model, operation, inputTier, serviceTier`,
    params,
  };
}

/** Each part from its own whole days, hours and minutes, so that none of them lies across a cut. */
function partsOfWindow(window: Window, cuts: readonly number[], whose: Whose): Fragment {
  const bounds = [floorTo(window.from, MINUTE_MS), ...cuts, ceilTo(window.to, MINUTE_MS)];
  const parts = bounds.slice(0, -1).map((from, index) => ({ from, to: bounds[index + 1] ?? from }));
  const params: Record<string, QueryParam> = {};
  const selects = parts.map((part, index) => {
    const { sql, params: own } = rowsInWindow('ai_usage', part, whose);
    // Every part numbers its own times; the tenants' are the same in all.
    const renamed = sql.replaceAll('{w', `{p${index}w`);
    for (const [name, value] of Object.entries(own)) params[name.startsWith('w') ? `p${index}${name}` : name] = value;
    return `SELECT * FROM ${renamed}`;
  });
  return { sql: `(${selects.join(' UNION ALL ')})`, params };
}

/** Whole hours from hours, the edges from minutes. */
function hoursInWindow(window: Window, whose: Whose): Fragment {
  const tenant = tenantCondition(whose);
  const asked = { from: floorTo(window.from, MINUTE_MS), to: ceilTo(window.to, MINUTE_MS) };
  const hours = { from: ceilTo(asked.from, HOUR_MS), to: floorTo(asked.to, HOUR_MS) };
  const pieces =
    hours.from < hours.to
      ? ([
          ['hour', hours],
          ['minute', { from: asked.from, to: hours.from }],
          ['minute', { from: hours.to, to: asked.to }],
        ] as const)
      : ([['minute', asked]] as const);
  const params: Record<string, QueryParam> = { ...tenant.params };
  const selects = pieces
    .filter(([, { from, to }]) => from < to)
    .map(([level, piece], index) => {
      const time = timeCondition(piece, `h${index}`);
      Object.assign(params, time.params);
      return `SELECT * FROM ${rollupTable('ai_usage', level)} WHERE ${time.sql} AND ${tenant.sql}`;
    });
  return { sql: `(${selects.join(' UNION ALL ')})`, params };
}
