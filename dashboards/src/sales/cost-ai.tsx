import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { formatAmount, signedAmount } from '../shared/money.ts';
import { Link } from '../shared/navigation.tsx';
import { pageHref } from '../shared/router.ts';
import type { RangeWindow } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { type AiModelCost, type ClosedMonth, getAiModels, getClosedMonth } from './cost-api.ts';
import { Amount, Checked } from './cost-checked.tsx';
import { type CostRange, dayName, monthName } from './cost-range.ts';
import { sumMicro } from './money-sum.ts';

/** The price book is in US dollars. */
const BOOK_CURRENCY = 'USD';

const COLUMNS: readonly TableColumn<AiModelCost>[] = [
  { id: 'model', label: 'Model', align: 'left', value: (row) => `${row.provider}/${row.model}` },
  { id: 'calls', label: 'Calls', value: (row) => row.calls, cell: (row) => formatCount(row.calls) },
  {
    id: 'unpriced_calls',
    label: 'Without a price',
    wide: true,
    value: (row) => row.unpriced_calls,
    cell: (row) => formatCount(row.unpriced_calls),
  },
  {
    id: 'cost',
    label: `Cost, ${BOOK_CURRENCY}`,
    value: (row) => (row.cost_micro === null ? null : Number(row.cost_micro) / 1e6),
    cell: (row) => <Amount micro={row.cost_micro} currency={BOOK_CURRENCY} why="No call has a known price" />,
  },
];

/** AI usage by model at the prices of the book, whoever pays for it in the end. */
export function AiModels(props: {
  tenantId: string;
  window: RangeWindow;
  estimatedMicro: number;
  query: URLSearchParams;
}) {
  const { tenantId, window } = props;
  const question = `ai ${tenantId} ${JSON.stringify(window)}`;
  const live = useLive(question, (signal) => getAiModels({ tenantId, window }, signal), null);
  return (
    <Loaded live={live}>
      {(models) => {
        const known = models.flatMap(({ cost_micro: cost }) => cost ?? []);
        const total = sumMicro(known);
        const unpriced = models.reduce((sum, model) => sum + model.unpriced_calls, 0);
        return (
          <>
            <DataTable
              id="models"
              caption="AI usage by model"
              columns={COLUMNS}
              rows={models}
              rowKey={(row) => `${row.provider}/${row.model}`}
              defaultSort="-cost"
              empty="No AI call was made in these days."
            />
            {unpriced > 0 && (
              <p class="warn-text small">
                {formatCount(unpriced)} {unpriced === 1 ? 'call has' : 'calls have'} no known price and cost something
                that is in no figure here. <Link href={pageHref('/prices', props.query)}>Give them a price</Link>
              </p>
            )}
            {models.length > 0 && Number(total) === props.estimatedMicro && (
              <Checked parts={known} total={props.estimatedMicro} currency={BOOK_CURRENCY} testId="ai-checked" />
            )}
            {models.length > 0 && Number(total) !== props.estimatedMicro && (
              <p class="muted small">
                {formatAmount(total, BOOK_CURRENCY)} at the prices of the book, of which{' '}
                {formatAmount(props.estimatedMicro, BOOK_CURRENCY)} is in no bill and stands in the part ai. Where a
                bill covers it, the bill counts.
              </p>
            )}
          </>
        );
      }}
    </Loaded>
  );
}

/** Whether the month's AI costs are closed, with what price book, and what was corrected since. */
export function Corrections(props: { tenantId: string; range: CostRange }) {
  const { tenantId, range } = props;
  const { month } = range;
  const live = useLive(`closed ${month} ${tenantId}`, (signal) => getClosedMonth(month, tenantId, signal), null);
  if (live.data === undefined) {
    const text = live.answeredAt === undefined ? 'Looking whether the month is closed …' : openText(month);
    return <p class="muted small">{live.error?.message ?? text}</p>;
  }
  return <ClosedFigures closed={live.data} />;
}

const openText = (month: string) =>
  `AI costs of ${monthName(month)} are not closed: they follow the newest version of the price book.`;

function ClosedFigures({ closed }: { closed: ClosedMonth }) {
  const { month, figures, repricings } = closed;
  const corrections = figures?.corrections ?? [];
  return (
    <div class="small" data-testid="corrections">
      <p>
        AI costs of {monthName(month.month)} were closed on {dayName(Date.parse(month.closed_at))} by {month.closed_by},
        with version {month.book_version} of the price book
        {figures === undefined
          ? ', without a call of this tenant.'
          : `: ${formatAmount(figures.closed_micro, BOOK_CURRENCY)}.`}
      </p>
      {corrections.map(({ repricing_id: id, micro }) => {
        const why = repricings.find((repricing) => repricing.id === id);
        return (
          <p key={id}>
            Correction {signedAmount(micro, BOOK_CURRENCY)}
            {why !== undefined && `, ${dayName(Date.parse(why.at))} by ${why.by}: ${why.reason}`}
          </p>
        );
      })}
      {figures !== undefined && (
        <Checked
          parts={[figures.closed_micro, ...corrections.map(({ micro }) => micro)]}
          total={figures.cost_micro}
          currency={BOOK_CURRENCY}
          testId="corrections-checked"
        />
      )}
    </div>
  );
}
