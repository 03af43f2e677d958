import { useMemo, useState } from 'preact/hooks';
import type { MetricSeries } from '../../../src/api/contract.ts';
import {
  addPoints,
  type ChartLine,
  heaviest,
  linesOf,
  onlyPoints,
  type Points,
  sumOf,
  toRate,
} from '../shared/chart-data.ts';
import { formatDuration, formatPercent, formatShort, ratioOf } from '../shared/format.ts';
import { ChartSection, SectionChart, type SectionProps } from './chart-section.tsx';
import { type Metrics, useMetrics } from './use-metrics.ts';

const LINES_SHOWN = 8;
const MINUTE_S = 60;

const heaviestLines = (lines: readonly ChartLine[]) =>
  heaviest(lines, ({ points }) => sumOf(points), LINES_SHOWN).lines;

/** The lines of `answer` as rates, busiest first. */
function rates(answer: MetricSeries, metrics: Metrics<string>, perSeconds = 1): ChartLine[] {
  return heaviestLines(linesOf(answer)).map(({ label, points }) => ({
    label,
    points: toRate(points, answer.step_seconds, metrics.now, perSeconds),
  }));
}

const DATABASE_BY = {
  db_operation: {
    calls: { metric: 'db_calls', groupBy: 'db_operation' },
    time: { metric: 'db_ms', groupBy: 'db_operation' },
    slow: { metric: 'db_slow_calls', groupBy: 'db_operation' },
  },
  db_system: {
    calls: { metric: 'db_calls', groupBy: 'db_system' },
    time: { metric: 'db_ms', groupBy: 'db_system' },
    slow: { metric: 'db_slow_calls', groupBy: 'db_system' },
  },
} as const;

export function DatabaseSection(props: SectionProps) {
  const [by, setBy] = useState<keyof typeof DATABASE_BY>('db_operation');
  const live = useMetrics(props.tenantId, props.range, DATABASE_BY[by]);
  const choice = (value: keyof typeof DATABASE_BY, label: string) => (
    <button type="button" class="segment" aria-pressed={by === value} onClick={() => setBy(value)}>
      {label}
    </button>
  );
  const actions = (
    <fieldset class="segmented small">
      <legend class="visually-hidden">Group database calls by</legend>
      {choice('db_operation', 'By operation')}
      {choice('db_system', 'By system')}
    </fieldset>
  );
  return (
    <ChartSection title="Database" live={live} actions={actions}>
      {(metrics) => <DatabaseCharts section={props} metrics={metrics} />}
    </ChartSection>
  );
}

function DatabaseCharts({ section, metrics }: { section: SectionProps; metrics: Metrics<'calls' | 'time' | 'slow'> }) {
  const { calls, time, slow } = useMemo(
    () => ({
      calls: rates(metrics.answers.calls, metrics),
      time: rates(metrics.answers.time, metrics),
      slow: rates(metrics.answers.slow, metrics, MINUTE_S),
    }),
    [metrics],
  );
  const shared = { section, metrics, empty: 'No database calls in this window' };
  return (
    <>
      <SectionChart
        {...shared}
        title="Calls"
        unit="calls / s"
        lines={calls}
        format={formatShort}
        testId="chart-db-calls"
      />
      <SectionChart
        {...shared}
        title="Time in the database"
        unit="per second"
        lines={time}
        format={formatDuration}
        testId="chart-db-time"
      />
      <SectionChart
        {...shared}
        title="Slow calls"
        unit="calls / min"
        lines={slow}
        format={formatShort}
        empty="No slow database calls in this window"
        testId="chart-db-slow"
      />
    </>
  );
}

const CACHE = { hits: { metric: 'cache_hits' }, misses: { metric: 'cache_misses' } } as const;

export function CacheSection(props: SectionProps) {
  const live = useMetrics(props.tenantId, props.range, CACHE);
  return (
    <ChartSection title="Cache" live={live}>
      {(metrics) => <CacheCharts section={props} metrics={metrics} />}
    </ChartSection>
  );
}

/** Share of lookups that hit; null where nothing was looked up. */
function hitRate(hits: Points, misses: Points): Points {
  const missed = new Map(misses);
  return hits.map(([time, value]) => [time, ratioOf(value ?? 0, (value ?? 0) + (missed.get(time) ?? 0))] as const);
}

function CacheCharts({ section, metrics }: { section: SectionProps; metrics: Metrics<keyof typeof CACHE> }) {
  const { lookups, rate } = useMemo(() => {
    const { answers, stepSeconds, now } = metrics;
    const [hits, misses] = [onlyPoints(answers.hits), onlyPoints(answers.misses)];
    return {
      lookups: [
        { label: 'Hits', points: toRate(hits, stepSeconds, now) },
        { label: 'Misses', points: toRate(misses, stepSeconds, now) },
      ],
      rate: [{ label: 'Hit rate', points: hitRate(hits, misses) }],
    };
  }, [metrics]);
  const shared = { section, metrics, empty: 'No cache lookups in this window' };
  return (
    <>
      <SectionChart
        {...shared}
        title="Cache lookups"
        unit="lookups / s"
        lines={lookups}
        palette={[2, 1]}
        format={formatShort}
        testId="chart-cache"
      />
      <SectionChart
        {...shared}
        title="Hit rate"
        unit="share of lookups"
        lines={rate}
        palette={[2]}
        format={formatPercent}
        testId="chart-cache-rate"
      />
    </>
  );
}

const AI = {
  input: { metric: 'ai_input_tokens' },
  output: { metric: 'ai_output_tokens' },
  inputByModel: { metric: 'ai_input_tokens', groupBy: 'model' },
  outputByModel: { metric: 'ai_output_tokens', groupBy: 'model' },
} as const;

type Ai = Metrics<keyof typeof AI>;

/** Input and output tokens of each model together; the split over all models is the chart beside it. */
function tokensByModel({ answers }: Ai): ChartLine[] {
  const byModel = new Map<string, ChartLine['points'][]>();
  for (const { label, points } of [...linesOf(answers.inputByModel), ...linesOf(answers.outputByModel)]) {
    byModel.set(label, [...(byModel.get(label) ?? []), points]);
  }
  return [...byModel].map(([label, all]) => ({ label, points: addPoints(all) }));
}

export function AiSection(props: SectionProps) {
  const live = useMetrics(props.tenantId, props.range, AI);
  return (
    <ChartSection title="AI" live={live}>
      {(metrics) => <AiCharts section={props} metrics={metrics} />}
    </ChartSection>
  );
}

function AiCharts({ section, metrics }: { section: SectionProps; metrics: Ai }) {
  const { tokens, models } = useMemo(() => {
    const { answers, stepSeconds, now } = metrics;
    const rate = (label: string, points: ChartLine['points']) => ({
      label,
      points: toRate(points, stepSeconds, now, MINUTE_S),
    });
    return {
      tokens: [rate('Input', onlyPoints(answers.input)), rate('Output', onlyPoints(answers.output))],
      models: heaviestLines(tokensByModel(metrics)).map(({ label, points }) => rate(label, points)),
    };
  }, [metrics]);
  const shared = { section, metrics, format: formatShort, empty: 'No AI calls in this window' };
  return (
    <>
      <SectionChart
        {...shared}
        title="AI tokens"
        unit="tokens / min"
        lines={tokens}
        palette={[0, 3]}
        testId="chart-ai-tokens"
      />
      <SectionChart
        {...shared}
        title="AI tokens by model"
        unit="input + output / min"
        lines={models}
        testId="chart-ai-models"
      />
    </>
  );
}
