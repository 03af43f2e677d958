import type { ComponentChildren } from 'preact';
import type { TenantFigures } from '../../../src/api/contract.ts';
import {
  formatAiCost,
  formatBytes,
  formatCount,
  formatDuration,
  formatExact,
  formatPercent,
  NO_VALUE,
  ratioOf,
} from '../shared/format.ts';
import { Sparkline } from '../shared/sparkline.tsx';
import type { ColumnRule } from './column-choice.ts';

export interface Column extends ColumnRule {
  readonly label: string;
  /** Said in the header's title where the label is short. */
  readonly about: string;
  readonly render: (row: TenantFigures, context: { sparkStepSeconds: number }) => ComponentChildren;
}

function exact(value: number, unit: string) {
  return (
    <span class={value === 0 ? 'muted' : undefined} title={`${formatExact(value)} ${unit}`}>
      {formatCount(value)}
    </span>
  );
}

function Errors({ row }: { row: TenantFigures }) {
  const ratio = ratioOf(row.errors, row.requests);
  const level = ratio === null || ratio < 0.01 ? '' : ratio < 0.05 ? 'warn-text' : 'bad-text';
  return (
    <span class={level} title={`${formatExact(row.errors)} of ${formatExact(row.requests)} requests`}>
      {formatPercent(ratio)}
    </span>
  );
}

function AiCost({ row }: { row: TenantFigures }) {
  const cost = formatAiCost(row);
  const title =
    row.ai_unpriced_calls > 0
      ? `${formatExact(row.ai_unpriced_calls)} of ${formatExact(row.ai_calls)} AI calls used a model without a known price; their cost is missing here`
      : `${formatExact(row.ai_calls)} AI calls`;
  return (
    <span title={title}>
      <span class={cost.text === 'unknown' ? 'unknown' : undefined}>{cost.text}</span>
      {cost.note !== '' && <span class="sub">{cost.note}</span>}
    </span>
  );
}

/** CPU time comes from samples; with few of them it is rough, and says how rough. */
function CpuTime({ row }: { row: TenantFigures }) {
  const { cpu_seconds: seconds, cpu_error_ratio: error } = row;
  if (seconds === null) return <span class="muted">{NO_VALUE}</span>;
  const title = error === null ? 'CPU time' : `CPU time, sampled: give or take ${formatPercent(error)}`;
  return <span title={title}>{formatDuration(seconds * 1_000)}</span>;
}

/** Columns behind the tenant's name, in order of what an SRE looks at first. */
export const COLUMNS: readonly Column[] = [
  { id: 'plan', label: 'Plan', about: 'Plan of the tenant', render: (row) => row.plan ?? <span class="muted">–</span> },
  {
    id: 'requests',
    label: 'Requests',
    about: 'Requests in the window',
    sort: 'requests',
    render: (row) => exact(row.requests, 'requests'),
  },
  {
    id: 'spark',
    label: 'Trend',
    about: 'Requests over the window',
    render: (row, { sparkStepSeconds }) => <Sparkline values={row.requests_spark} stepSeconds={sparkStepSeconds} />,
  },
  {
    id: 'errors',
    label: 'Errors',
    about: 'Share of requests that failed; sorts by the number of errors',
    sort: 'errors',
    render: (row) => <Errors row={row} />,
  },
  { id: 'p50', label: 'P50', about: 'Median latency', extra: true, render: (row) => formatDuration(row.p50_ms) },
  {
    id: 'p95',
    label: 'P95',
    about: 'Latency that 95 % of requests stay under',
    sort: 'p95_ms',
    render: (row) => formatDuration(row.p95_ms),
  },
  {
    id: 'p99',
    label: 'P99',
    about: 'Latency that 99 % of requests stay under',
    extra: true,
    render: (row) => formatDuration(row.p99_ms),
  },
  {
    id: 'db-calls',
    label: 'DB calls',
    about: 'Database calls',
    sort: 'db_calls',
    render: (row) => exact(row.db_calls, 'database calls'),
  },
  {
    id: 'db-time',
    label: 'DB time',
    about: 'Time spent in database calls',
    sort: 'db_ms',
    render: (row) => formatDuration(row.db_ms),
  },
  {
    id: 'db-slow',
    label: 'Slow DB',
    about: 'Database calls that were slow',
    extra: true,
    render: (row) => exact(row.db_slow_calls, 'slow database calls'),
  },
  {
    id: 'cache',
    label: 'Cache hits',
    about: 'Share of cache lookups that hit',
    render: (row) => formatPercent(ratioOf(row.cache_hits, row.cache_hits + row.cache_misses)),
  },
  {
    id: 'bytes',
    label: 'Bytes out',
    about: 'Response bytes',
    extra: true,
    render: (row) => formatBytes(row.response_bytes),
  },
  {
    id: 'cpu',
    label: 'CPU',
    about: 'CPU time charged to the tenant by sampling',
    sort: 'cpu_seconds',
    appliesTo: (row) => row.cpu_seconds !== null,
    render: (row) => <CpuTime row={row} />,
  },
  {
    id: 'ai-in',
    label: 'AI in',
    about: 'AI input tokens',
    sort: 'ai_input_tokens',
    render: (row) => exact(row.ai_input_tokens, 'input tokens'),
  },
  {
    id: 'ai-out',
    label: 'AI out',
    about: 'AI output tokens',
    sort: 'ai_output_tokens',
    render: (row) => exact(row.ai_output_tokens, 'output tokens'),
  },
  {
    id: 'ai-cost',
    label: 'AI cost',
    about: 'What the AI calls cost, as far as their prices are known',
    sort: 'ai_cost_micro',
    render: (row) => <AiCost row={row} />,
  },
];
