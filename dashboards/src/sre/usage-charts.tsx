import { useMemo, useState } from 'preact/hooks';
import type { MetricSeries } from '../../../src/api/contract.ts';
import { addPoints, type ChartLine, heaviest, linesOf, onlyPoints, sumOf, toRate } from '../shared/chart-data.ts';
import { formatDuration, formatShort } from '../shared/format.ts';
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

const CACHE_AND_AI = {
  hits: { metric: 'cache_hits' },
  misses: { metric: 'cache_misses' },
  input: { metric: 'ai_input_tokens' },
  output: { metric: 'ai_output_tokens' },
  inputByModel: { metric: 'ai_input_tokens', groupBy: 'model' },
  outputByModel: { metric: 'ai_output_tokens', groupBy: 'model' },
} as const;

type CacheAndAi = Metrics<keyof typeof CACHE_AND_AI>;

/** Input and output tokens of each model together; the split over all models is the chart beside it. */
function tokensByModel({ answers }: CacheAndAi): ChartLine[] {
  const byModel = new Map<string, ChartLine['points'][]>();
  for (const { label, points } of [...linesOf(answers.inputByModel), ...linesOf(answers.outputByModel)]) {
    byModel.set(label, [...(byModel.get(label) ?? []), points]);
  }
  return [...byModel].map(([label, all]) => ({ label, points: addPoints(all) }));
}

export function CacheAndAiSection(props: SectionProps) {
  const live = useMetrics(props.tenantId, props.range, CACHE_AND_AI);
  return (
    <ChartSection title="Cache and AI" live={live}>
      {(metrics) => <CacheAndAiCharts section={props} metrics={metrics} />}
    </ChartSection>
  );
}

function CacheAndAiCharts({ section, metrics }: { section: SectionProps; metrics: CacheAndAi }) {
  const { lookups, tokens, models } = useMemo(() => {
    const { answers, stepSeconds, now } = metrics;
    const rate = (label: string, points: ChartLine['points'], perSeconds: number) => ({
      label,
      points: toRate(points, stepSeconds, now, perSeconds),
    });
    return {
      lookups: [rate('Hits', onlyPoints(answers.hits), 1), rate('Misses', onlyPoints(answers.misses), 1)],
      tokens: [
        rate('Input', onlyPoints(answers.input), MINUTE_S),
        rate('Output', onlyPoints(answers.output), MINUTE_S),
      ],
      models: heaviestLines(tokensByModel(metrics)).map(({ label, points }) => rate(label, points, MINUTE_S)),
    };
  }, [metrics]);
  const shared = { section, metrics, format: formatShort };
  return (
    <>
      <SectionChart
        {...shared}
        title="Cache lookups"
        unit="lookups / s"
        lines={lookups}
        palette={[2, 1]}
        empty="No cache lookups in this window"
        testId="chart-cache"
      />
      <SectionChart
        {...shared}
        title="AI tokens"
        unit="tokens / min"
        lines={tokens}
        palette={[0, 3]}
        empty="No AI calls in this window"
        testId="chart-ai-tokens"
      />
      <SectionChart
        {...shared}
        title="AI tokens by model"
        unit="input + output / min"
        lines={models}
        empty="No AI calls in this window"
        testId="chart-ai-models"
      />
    </>
  );
}
