import type { CostList } from '../../../src/api/contract.ts';
import { NO_VALUE } from '../shared/format.ts';
import { formatAmount } from '../shared/money.ts';
import { Link } from '../shared/navigation.tsx';
import { withQuery } from '../shared/router.ts';
import { monthName, monthShort, withMonth } from './cost-range.ts';
import { barPieces } from './cost-rows.ts';
import { roughAmount } from './money-sum.ts';

export interface MonthCosts {
  readonly month: string;
  readonly costs: CostList;
}

/** Of one tenant: null where nothing is known of the month, which is not a cost of 0. */
export function monthOf({ costs }: MonthCosts): CostList['items'][number] | null {
  const isKnown = costs.bill_micro !== 0 || costs.estimated_micro !== 0 || costs.items.length > 0;
  if (!isKnown) return null;
  return costs.items[0] ?? { tenant_id: '', cost_micro: 0, estimated_micro: 0, unpriced_calls: 0, parts: {} };
}

/** What a tenant cost in each month, by part; a column leads to its month. */
export function MonthColumns(props: {
  months: readonly MonthCosts[];
  colours: ReadonlyMap<string, number>;
  current: string;
  currency: string;
  query: URLSearchParams;
  now: number;
}) {
  const { months, currency } = props;
  const longest = Math.max(0, ...months.map((month) => monthOf(month)?.cost_micro ?? 0));
  return (
    <nav class="card columns" aria-label="Months" data-testid="month-columns">
      {months.map((one) => {
        const item = monthOf(one);
        const pieces = item === null ? [] : barPieces(item.parts, longest, props.colours);
        const exact = item === null ? 'not known' : formatAmount(item.cost_micro, currency);
        return (
          <Link
            key={one.month}
            class="column"
            href={withQuery(location.pathname, withMonth(props.query, one.month, props.now))}
            current={one.month === props.current}
            title={`${monthName(one.month)}: ${exact}`}
          >
            <span class="column-amount">{item === null ? NO_VALUE : roughAmount(item.cost_micro, currency)}</span>
            <span class="column-track">
              {pieces.map(({ part, width }) => (
                <span key={part} class={`part-${props.colours.get(part) ?? 8}`} style={{ height: `${width}%` }} />
              ))}
            </span>
            <span class="column-month">{monthShort(one.month)}</span>
          </Link>
        );
      })}
    </nav>
  );
}
