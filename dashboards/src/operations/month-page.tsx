import { useState } from 'preact/hooks';
import type { MonthItem, RepricingItem } from '../../../src/api/prices-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { exactAmount, formatAmount, signedAmount } from '../shared/money.ts';
import { Link } from '../shared/navigation.tsx';
import { isFor, type PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { tenantHref } from '../shared/router.ts';
import { Tabs } from '../shared/tabs.tsx';
import { timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';
import '../styles/money.css';
import { Repricing } from './month-repricing.tsx';
import { monthAfter, monthBefore, monthName } from './month-text.ts';
import { closeMonth, listMonths, listRepricings, monthCosts } from './price-api.ts';
import { PRICE_TABS } from './price-text.ts';

/** Closed months, and what a change of prices does to months that are over. */
export function MonthsPage({ query, who }: PageProps) {
  const months = useLive('months', listMonths, null);
  const repricings = useLive('repricings', listRepricings, null);
  const isAdmin = isFor(who, ['admin']);
  const lastMonth = monthBefore(new Date(serverNow()).toISOString().slice(0, 7));
  const refresh = () => {
    months.refresh();
    repricings.refresh();
  };
  return (
    <>
      <div class="page-head">
        <h1>Months and repricing</h1>
      </div>
      <Tabs label="Prices" pages={PRICE_TABS} current="/prices/months" query={query} />
      <Loaded live={months}>
        {(closed) => (
          <section class="card rows" aria-labelledby="closed" data-testid="months">
            <h2 id="closed">Closed months</h2>
            <p class="muted">
              A closed month says for good what AI calls cost. Later changes of prices stand beside it as correction
              lines.
            </p>
            <ul>
              {isAdmin && !closed.some(({ month }) => month === lastMonth) && (
                <OpenMonth month={lastMonth} onClosed={refresh} />
              )}
              {closed.map((month) => (
                <ClosedMonth key={month.month} month={month} query={query} />
              ))}
            </ul>
            {closed.length === 0 && !isAdmin && <p>No month is closed yet. An admin closes them.</p>}
          </section>
        )}
      </Loaded>
      <Repricing closed={months.data ?? []} mayApply={isAdmin} lastMonth={lastMonth} onApplied={refresh} />
      <Loaded live={repricings}>{(items) => <Past items={items} />}</Loaded>
    </>
  );
}

function OpenMonth(props: { month: string; onClosed: () => void }) {
  const { month } = props;
  return (
    <li class="row">
      <span class="row-main">
        <strong>{monthName(month)}</strong> <span class="badge warn">open</span>{' '}
        <span class="muted small">follows the book as it is changed</span>
      </span>
      <AskButton
        label="Close …"
        about={monthName(month)}
        title={`Close ${monthName(month)}?`}
        action="Close the month"
        danger
        testId="close-month"
        onConfirm={() => closeMonth(month)}
        onDone={props.onClosed}
      >
        <p>
          What AI calls cost each tenant from {month}-01 to {monthAfter(month)}-01 (UTC) is written down as the book
          says it now. This cannot be taken back; models without a price stay without one.
        </p>
      </AskButton>
    </li>
  );
}

function ClosedMonth(props: { month: MonthItem; query: URLSearchParams }) {
  const { month } = props;
  const { zone } = usePreferences();
  const [open, setOpen] = useState(false);
  return (
    <li class="row">
      <span class="row-main">
        <strong>{monthName(month.month)}</strong>{' '}
        <span class="muted small">
          closed by {month.closed_by} at {timeText(zone).dateMinute(Date.parse(month.closed_at))}, on version{' '}
          {month.book_version} of the book
        </span>
      </span>
      <button type="button" class="button small" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? 'Hide figures' : 'Show figures'}
      </button>
      {open && <Figures month={month.month} query={props.query} />}
    </li>
  );
}

function Figures(props: { month: string; query: URLSearchParams }) {
  const live = useLive(`month ${props.month}`, (signal) => monthCosts(props.month, signal), null);
  return (
    <div class="row-wide">
      <Loaded live={live}>
        {({ items }) => (
          <div class="table-frame">
            <table class="figures plain">
              <caption class="visually-hidden">AI costs of {monthName(props.month)}</caption>
              <thead>
                <tr>
                  <th class="left">Tenant</th>
                  <th>At the close</th>
                  <th>Corrections</th>
                  <th>Cost</th>
                  <th>Calls without a price</th>
                </tr>
              </thead>
              <tbody>
                {items.map((item) => {
                  const corrected = item.corrections.reduce((sum, { micro }) => sum + micro, 0);
                  return (
                    <tr key={item.tenant_id}>
                      <td class="left">
                        <Link href={tenantHref(item.tenant_id, props.query)}>{item.tenant_id}</Link>
                      </td>
                      <td title={exactAmount(item.closed_micro, 'USD')}>{formatAmount(item.closed_micro, 'USD')}</td>
                      <td title={exactAmount(corrected, 'USD')}>
                        {item.corrections.length === 0 ? '' : signedAmount(corrected, 'USD')}
                      </td>
                      <td title={exactAmount(item.cost_micro, 'USD')}>{formatAmount(item.cost_micro, 'USD')}</td>
                      <td class={item.unpriced_calls > 0 ? 'warn-text' : ''}>{formatCount(item.unpriced_calls)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
            {items.length === 0 && <p class="muted">No AI calls in this month.</p>}
          </div>
        )}
      </Loaded>
    </div>
  );
}

function Past(props: { items: readonly RepricingItem[] }) {
  const { zone } = usePreferences();
  if (props.items.length === 0) return null;
  return (
    <section class="card rows" aria-labelledby="past" data-testid="repricings">
      <h2 id="past">Applied repricings</h2>
      <ul>
        {props.items.map((item) => (
          <li key={item.id} class="row">
            <span class="row-main">
              <strong>
                {monthName(item.from)}
                {monthAfter(item.from) !== item.to && ` to ${monthName(monthBefore(item.to))}`}
              </strong>{' '}
              {item.reason}{' '}
              <span class="muted small">
                by {item.by} at {timeText(zone).dateMinute(Date.parse(item.at))}, version {item.book_version};{' '}
                {formatCount(item.lines)} correction lines
              </span>
            </span>
            <span title={exactAmount(item.difference_micro, 'USD')}>{signedAmount(item.difference_micro, 'USD')}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
