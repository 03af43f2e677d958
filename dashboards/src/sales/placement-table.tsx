import type { DedicatedOffers, PlacementAdviceItem } from '../../../src/api/signals-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { NO_VALUE } from '../shared/format.ts';
import { formatAmount, signedAmount } from '../shared/money.ts';
import { Link } from '../shared/navigation.tsx';
import { breakEvenText, largestPool, poolText, VERDICT_WORDS } from './placement-text.ts';
import { sheetHref } from './quota-table.tsx';
import type { Customer } from './upsell-model.ts';

export interface CandidateRow {
  readonly advice: PlacementAdviceItem;
  readonly customer: Customer;
}

const VERDICT_CLASS = { worth_it: 'badge good', not_worth_it: 'badge', unknown: 'badge enforce' } as const;

function columns(query: URLSearchParams): readonly TableColumn<CandidateRow>[] {
  return [
    {
      ...{ id: 'tenant_id', label: 'Customer', align: 'left' },
      value: ({ advice }) => advice.tenant_id,
      cell: ({ advice }) => (
        <Link class="tenant-link" href={sheetHref(advice.tenant_id, query)}>
          {advice.tenant_id}
        </Link>
      ),
    },
    {
      ...{ id: 'verdict', label: 'Verdict', align: 'left' },
      value: ({ advice }) => advice.verdict,
      cell: ({ advice }) => (
        <span class={VERDICT_CLASS[advice.verdict]} title={advice.sentence}>
          {VERDICT_WORDS[advice.verdict]}
        </span>
      ),
    },
    { id: 'plan', label: 'Plan', align: 'left', wide: true, value: ({ customer }) => customer.plan },
    {
      ...{ id: 'share', label: 'Largest share of a pool', align: 'left' },
      value: ({ advice }) => largestPool(advice)?.share ?? null,
      cell: ({ advice }) => poolText(advice),
    },
    {
      ...{ id: 'pooled_cost_micro', label: 'Cost in the pool', wide: true },
      about: "What last month's bills came to for it. No saving: the pool costs on without it",
      value: ({ advice }) => advice.pooled_cost_micro,
      cell: ({ advice }) => formatAmount(advice.pooled_cost_micro, advice.currency),
    },
    {
      ...{ id: 'offer', label: 'Cheapest offer that fits', align: 'left', wide: true },
      value: ({ advice }) => advice.offer?.name ?? null,
      cell: ({ advice }) =>
        advice.offer === null
          ? NO_VALUE
          : `${advice.offer.name}, ${formatAmount(advice.offer.price_micro, advice.currency)} a month`,
    },
    {
      ...{
        id: 'monthly_saving_micro',
        label: 'Saved a month',
        about: 'What the pool really gives back, less the price',
      },
      value: ({ advice }) => advice.monthly_saving_micro,
      cell: ({ advice }) =>
        advice.monthly_saving_micro === null ? NO_VALUE : signedAmount(advice.monthly_saving_micro, advice.currency),
    },
    {
      ...{ id: 'break_even_months', label: 'Pays back', align: 'left' },
      value: ({ advice }) => advice.break_even_months,
      cell: ({ advice }) => breakEvenText(advice),
    },
  ];
}

/** Customers that are large in a pool, and whether an instance of their own pays. */
export function PlacementTable(props: {
  rows: readonly CandidateRow[];
  terms: DedicatedOffers;
  query: URLSearchParams;
}) {
  const { terms } = props;
  return (
    <>
      <p class="muted small section-note">
        Large means {terms.share_percent} % or more of a pool on {terms.at_least_days} of the last {terms.days} whole
        days. A move must pay back within {terms.horizon_months} months.
        {terms.offers.length === 0 && ' No offers are entered yet, so no break-even can be worked out.'}
      </p>
      <DataTable
        id="dedicated"
        caption="Candidates for an instance of their own"
        columns={columns(props.query)}
        rows={props.rows}
        rowKey={({ advice }) => advice.tenant_id}
        defaultSort="-share"
        empty={`Nobody has used ${terms.share_percent} % of a pool on ${terms.at_least_days} of the last ${terms.days} days.`}
      />
    </>
  );
}
