import type { ComponentChildren } from 'preact';
import type { CostList, UnpricedList } from '../../../src/api/contract.ts';
import { formatCount, formatPercent } from '../shared/format.ts';
import { formatAmount } from '../shared/money.ts';
import { Link } from '../shared/navigation.tsx';
import { pageHref, withQuery } from '../shared/router.ts';
import { shareOf, sumMicro } from './money-sum.ts';

const MODELS_NAMED = 3;

/** What keeps the figures below from being the whole truth, each with the way to mend it. */
export function CostStrip(props: {
  costs: CostList;
  /** undefined: not known, or not for this role. */
  unpriced: UnpricedList['items'] | undefined;
  query: URLSearchParams;
}) {
  const { costs, unpriced, query } = props;
  const notes: ComponentChildren[] = [];
  const calls = costs.items.reduce((sum, item) => sum + item.unpriced_calls, 0);
  if (unpriced !== undefined && unpriced.length > 0) {
    notes.push(<Unpriced items={unpriced} href={pageHref('/prices', query)} />);
  } else if (unpriced === undefined && calls > 0) {
    notes.push(
      <>{formatCount(calls)} AI calls have no known price. What they cost is missing from every figure, not 0.</>,
    );
  }
  if (costs.unallocated_micro !== 0) notes.push(<Unallocated costs={costs} href={pageHref('/bills', query)} />);
  if (costs.other_currencies.length > 0) notes.push(<OtherCurrencies costs={costs} query={query} />);
  if (notes.length === 0) return null;
  return (
    <section class="cost-strip card" aria-label="What is missing from these figures" data-testid="cost-strip">
      <ul>
        {notes.map((note, index) => (
          <li key={index}>{note}</li>
        ))}
      </ul>
    </section>
  );
}

function Unpriced(props: { items: UnpricedList['items']; href: string }) {
  const { items } = props;
  const calls = items.reduce((sum, item) => sum + item.calls, 0);
  const names = items.slice(0, MODELS_NAMED).map(({ provider, model }) => `${provider}/${model}`);
  const more = items.length > MODELS_NAMED ? ` and ${items.length - MODELS_NAMED} more` : '';
  return (
    <>
      <strong>
        {items.length} {items.length === 1 ? 'model has' : 'models have'} no price:
      </strong>{' '}
      {names.join(', ')}
      {more}, {formatCount(calls)} {calls === 1 ? 'call' : 'calls'}. What they cost is missing, not 0.{' '}
      <Link href={props.href}>Give them a price</Link>
    </>
  );
}

function Unallocated(props: { costs: CostList; href: string }) {
  const { unallocated_micro: micro, bill_micro: bill, estimated_micro: estimated, currency } = props.costs;
  return (
    <>
      <strong>{formatAmount(micro, currency)} is nobody’s yet</strong>,{' '}
      {formatPercent(shareOf(micro, sumMicro([bill, estimated])))} of the whole: no rule says whose it is, or nothing
      was measured to share it by. <Link href={props.href}>See bills and rules</Link>
    </>
  );
}

function OtherCurrencies(props: { costs: CostList; query: URLSearchParams }) {
  const { costs } = props;
  return (
    <>
      <strong>Bills of these days are in {costs.other_currencies.length + 1} currencies</strong>, which are never added
      up. Shown: {costs.currency}.{' '}
      {costs.other_currencies.map((currency) => {
        const next = new URLSearchParams(props.query);
        next.set('currency', currency);
        return (
          <span key={currency}>
            <Link href={withQuery(location.pathname, next)}>Show {currency}</Link>{' '}
          </span>
        );
      })}
    </>
  );
}
