import type { MetricSeries, TenantFigures } from '../../../src/api/contract.ts';
import { linesOf, sumOf } from '../shared/chart-data.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatAiCost, formatCount } from '../shared/format.ts';
import type { SectionProps } from './chart-section.tsx';
import { Part } from './tenant-sections.tsx';
import { AiSection } from './usage-charts.tsx';
import { useMetrics } from './use-metrics.ts';

const BY_MODEL = {
  calls: { metric: 'ai_calls', groupBy: 'model' },
  input: { metric: 'ai_input_tokens', groupBy: 'model' },
  output: { metric: 'ai_output_tokens', groupBy: 'model' },
  cached: { metric: 'ai_cache_read_tokens', groupBy: 'model' },
} as const;

interface ModelRow {
  readonly model: string;
  readonly calls: number;
  readonly input: number;
  readonly output: number;
  readonly cached: number;
}

function modelRows(answers: Readonly<Record<keyof typeof BY_MODEL, MetricSeries>>): ModelRow[] {
  const rows = new Map<string, { -readonly [Key in keyof ModelRow]: ModelRow[Key] }>();
  for (const key of ['calls', 'input', 'output', 'cached'] as const) {
    for (const { label, points } of linesOf(answers[key])) {
      const row = rows.get(label) ?? { model: label, calls: 0, input: 0, output: 0, cached: 0 };
      row[key] = sumOf(points);
      rows.set(label, row);
    }
  }
  return [...rows.values()];
}

const tokens = (id: 'calls' | 'input' | 'output' | 'cached', label: string, about: string): TableColumn<ModelRow> => ({
  ...{ id, label, about },
  value: (row) => row[id],
  cell: (row) => formatCount(row[id]),
});

const COLUMNS: readonly TableColumn<ModelRow>[] = [
  { id: 'model', label: 'Model', align: 'left', value: ({ model }) => model },
  tokens('calls', 'Calls', 'Innermost calls to the model'),
  tokens('input', 'Input tokens', 'With those that were read from the cache'),
  { ...tokens('cached', 'Of them cached', 'Input tokens that were read from the cache'), wide: true },
  tokens('output', 'Output tokens', 'With reasoning'),
];

/** Tokens over time and by model, and what they cost as far as their prices are known. */
export function TenantAi({ section, figures }: { section: SectionProps; figures: TenantFigures }) {
  const live = useMetrics(section.tenantId, section.range, BY_MODEL);
  return (
    <>
      <AiSection {...section} />
      <Part title="Models" live={live} testId="part-models" note={<Cost figures={figures} />}>
        {({ answers }) => (
          <DataTable
            id="models"
            caption="Models with calls and tokens"
            columns={COLUMNS}
            rows={modelRows(answers)}
            rowKey={({ model }) => model}
            defaultSort="-input"
            empty="No AI calls in this window"
          />
        )}
      </Part>
    </>
  );
}

function Cost({ figures }: { figures: TenantFigures }) {
  const { ai_calls: calls, ai_unpriced_calls: unpriced } = figures;
  if (calls === 0) return null;
  return (
    <>
      Cost in this window: {formatAiCost(figures).text}
      {unpriced > 0 && (
        <strong class="warn-text">
          {' '}
          – {formatCount(unpriced)} of {formatCount(calls)} calls have no known price and are not in it
        </strong>
      )}
    </>
  );
}
