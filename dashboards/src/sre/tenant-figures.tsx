import type { TenantFigures } from '../../../src/api/contract.ts';
import {
  formatAiCost,
  formatCount,
  formatDuration,
  formatExact,
  formatPercent,
  formatShort,
  ratioOf,
} from '../shared/format.ts';
import { Tile } from './tiles.tsx';

function aiUsage(figures: TenantFigures, note: string): string {
  const tokens = `${formatShort(figures.ai_input_tokens)} tokens in, ${formatShort(figures.ai_output_tokens)} out`;
  return note === '' ? tokens : `${tokens}, ${note} calls`;
}

/** The key figures of one tenant over the window, the same ones as in its row of the table. */
export function TenantFiguresRow({ figures }: { figures: TenantFigures }) {
  const errors = ratioOf(figures.errors, figures.requests);
  const lookups = figures.cache_hits + figures.cache_misses;
  const cost = formatAiCost(figures);
  return (
    <dl class="tiles" data-testid="tenant-figures">
      <Tile label="Requests" value={formatCount(figures.requests)} title={formatExact(figures.requests)} />
      <Tile
        label="Errors"
        value={formatPercent(errors)}
        sub={`${formatCount(figures.errors)} failed`}
        {...(errors !== null && errors >= 0.05 ? { tone: 'bad' as const } : {})}
      />
      <Tile
        label="P95 latency"
        value={formatDuration(figures.p95_ms)}
        sub={`P50 ${formatDuration(figures.p50_ms)}, P99 ${formatDuration(figures.p99_ms)}`}
      />
      <Tile
        label="Database calls"
        value={formatCount(figures.db_calls)}
        sub={`${formatDuration(figures.db_ms)}, ${formatCount(figures.db_slow_calls)} slow`}
      />
      <Tile
        label="Cache hit rate"
        value={formatPercent(ratioOf(figures.cache_hits, lookups))}
        sub={`${formatCount(lookups)} lookups`}
      />
      <Tile
        label="AI cost"
        value={cost.text}
        sub={figures.ai_calls === 0 ? 'no AI calls' : aiUsage(figures, cost.note)}
        title={`${formatExact(figures.ai_input_tokens)} input, ${formatExact(figures.ai_output_tokens)} output tokens in ${formatExact(figures.ai_calls)} calls`}
      />
    </dl>
  );
}
