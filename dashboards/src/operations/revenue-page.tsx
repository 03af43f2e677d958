import { useMemo } from 'preact/hooks';
import type { RevenueAnswer } from '../../../src/api/revenue-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { NO_VALUE } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { exactAmount, formatAmount, signedAmount } from '../shared/money.ts';
import { Link, navigate } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { tenantHref, withQuery } from '../shared/router.ts';
import { Tabs } from '../shared/tabs.tsx';
import { useLive } from '../shared/use-live.ts';
import { Tile } from '../sre/tiles.tsx';
import '../styles/operations.css';
import '../styles/money.css';
import { isMonth, monthAfter } from './month-text.ts';
import { getRevenue, listUnmapped } from './revenue-api.ts';
import { RevenueCustomers } from './revenue-customers.tsx';
import { RevenueImports } from './revenue-imports.tsx';
import { REVENUE_TABS } from './revenue-text.ts';

/** What tenants pay: recurring, recognised and what moved; customers nobody knows; files that brought it. */
export function RevenuePage({ query }: PageProps) {
  const now = new Date(serverNow()).toISOString();
  const asked = query.get('month') ?? '';
  const month = isMonth(asked) ? asked : now.slice(0, 7);
  const end = `${monthAfter(month)}-01T00:00:00Z`;
  // The month that runs is told of up to the hour, so that the question stays the same between two renderings.
  const to = Date.parse(end) > serverNow() ? `${now.slice(0, 13)}:59:59Z` : end;
  const live = useLive(`revenue ${month}`, (signal) => getRevenue(`${month}-01T00:00:00Z`, to, signal), null);
  const unmapped = useLive('unmapped', listUnmapped, null);
  const refresh = () => {
    live.refresh();
    unmapped.refresh();
  };
  const choose = (value: string) => {
    const next = new URLSearchParams(query);
    if (isMonth(value)) next.set('month', value);
    else next.delete('month');
    navigate(withQuery('/revenue', next), { replace: true });
  };
  return (
    <>
      <div class="page-head">
        <h1>Revenue</h1>
        <label class="filter">
          <span class="muted small">Month (UTC)</span>
          <input type="month" value={month} onChange={(event) => choose(event.currentTarget.value)} />
        </label>
      </div>
      <Tabs label="Revenue" pages={REVENUE_TABS} current="/revenue" query={query} />
      {unmapped.data !== undefined && <RevenueCustomers customers={unmapped.data.items} onMapped={refresh} />}
      <Loaded live={live}>{(answer) => <Figures answer={answer} query={query} pending={live.pending} />}</Loaded>
      <RevenueImports onImported={refresh} />
    </>
  );
}

type Row = RevenueAnswer['items'][number];

function Figures(props: { answer: RevenueAnswer; query: URLSearchParams; pending: boolean }) {
  const { answer, query } = props;
  const columns = useMemo(
    (): readonly TableColumn<Row>[] => [
      {
        id: 'tenant_id',
        label: 'Tenant',
        align: 'left',
        value: ({ tenant_id }) => tenant_id,
        cell: ({ tenant_id }) => <Link href={tenantHref(tenant_id, query)}>{tenant_id}</Link>,
      },
      { id: 'plan', label: 'Pays for', align: 'left', value: ({ plan }) => plan, cell: ({ plan }) => plan ?? NO_VALUE },
      { id: 'currency', label: 'Currency', align: 'left', wide: true, value: ({ currency }) => currency },
      {
        id: 'mrr',
        label: 'MRR',
        about: 'Monthly recurring revenue at the end of the time',
        value: ({ mrr_micro }) => (mrr_micro === null ? null : Number(mrr_micro) / 1e6),
        cell: ({ mrr_micro, currency }) => (
          <span title={exactAmount(mrr_micro, currency)}>{formatAmount(mrr_micro, currency)}</span>
        ),
      },
      {
        id: 'revenue',
        label: 'Recognised',
        about: 'Earned within the time',
        value: ({ revenue_micro }) => Number(revenue_micro) / 1e6,
        cell: ({ revenue_micro, currency }) => (
          <span title={exactAmount(revenue_micro, currency)}>{formatAmount(revenue_micro, currency)}</span>
        ),
      },
    ],
    [query],
  );
  return (
    <section class="stack" aria-label="What tenants pay">
      {answer.movements.map((move) => (
        <Movement key={move.currency} move={move} />
      ))}
      <DataTable
        id="revenue"
        caption="Revenue by tenant"
        columns={columns}
        rows={answer.items}
        rowKey={({ tenant_id, currency }) => `${tenant_id} ${currency}`}
        defaultSort="-mrr"
        pending={props.pending}
        empty="No revenue is known for this month. Import subscriptions or invoices below."
      />
    </section>
  );
}

function Movement({ move }: { move: RevenueAnswer['movements'][number] }) {
  const { currency } = move;
  const plus = (micro: number | string) => signedAmount(micro, currency);
  const minus = (micro: number | string) =>
    Number(micro) === 0 ? formatAmount(0, currency) : `-${formatAmount(micro, currency)}`;
  return (
    <dl class="tiles sums">
      <Tile label={`MRR before, ${currency}`} value={formatAmount(move.before_micro, currency)} />
      <Tile label="New" value={plus(move.new_micro)} />
      <Tile label="Came back" value={plus(move.reactivation_micro)} />
      <Tile label="Grew" value={plus(move.expansion_micro)} />
      <Tile label="Shrank" value={minus(move.contraction_micro)} />
      <Tile label="Left" value={minus(move.churn_micro)} />
      <Tile
        label="MRR after"
        value={formatAmount(move.after_micro, currency)}
        title={exactAmount(move.after_micro, currency)}
        testId={`mrr-${currency}`}
        sub={move.unknown_tenants > 0 ? `${move.unknown_tenants} tenants unknown` : undefined}
      />
    </dl>
  );
}
