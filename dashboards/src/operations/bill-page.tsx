import { useMemo } from 'preact/hooks';
import type { BillItem } from '../../../src/api/bills-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { exactAmount, formatAmount } from '../shared/money.ts';
import { Link, navigate } from '../shared/navigation.tsx';
import { isFor, type PageProps, SALES_ROLES } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { withQuery } from '../shared/router.ts';
import { Tabs } from '../shared/tabs.tsx';
import { timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/operations.css';
import '../styles/money.css';
import { listBills } from './bill-api.ts';
import { BillImport } from './bill-import.tsx';
import { BillPanel } from './bill-panel.tsx';
import { BILL_TABS, daysText, formatText, issuersText, STATE_LABELS } from './bill-text.ts';

const REFRESH_MS = 15_000;

/** Bills: brought in, looked into, shared out. */
export function BillsPage({ query, who }: PageProps) {
  const showEnded = query.get('ended') === 'yes';
  const live = useLive(`bills ${showEnded}`, (signal) => listBills(showEnded, signal), REFRESH_MS);
  const mayImport = isFor(who, SALES_ROLES);
  const openId = query.get('bill');
  const hrefOf = (id: string | null) => {
    const next = new URLSearchParams(query);
    if (id === null) next.delete('bill');
    else next.set('bill', id);
    return withQuery('/bills', next);
  };
  return (
    <>
      <div class="page-head">
        <h1>Bills</h1>
      </div>
      <Tabs label="Bills" pages={BILL_TABS} current="/bills" query={query} />
      {mayImport && <BillImport onImported={live.refresh} hrefOf={hrefOf} />}
      {openId !== null && (
        <BillPanel
          key={openId}
          id={openId}
          query={query}
          mayChange={mayImport}
          closeHref={hrefOf(null)}
          onChanged={live.refresh}
        />
      )}
      <EndedFilter query={query} showEnded={showEnded} />
      <Loaded live={live}>
        {(bills) => <Bills bills={bills} hrefOf={hrefOf} mayImport={mayImport} pending={live.pending} />}
      </Loaded>
    </>
  );
}

function EndedFilter(props: { query: URLSearchParams; showEnded: boolean }) {
  const set = (on: boolean) => {
    const next = new URLSearchParams(props.query);
    if (on) next.set('ended', 'yes');
    else next.delete('ended');
    navigate(withQuery('/bills', next), { replace: true });
  };
  return (
    <label class="check-field">
      <input type="checkbox" checked={props.showEnded} onChange={(event) => set(event.currentTarget.checked)} />
      <span>Also bills that were replaced or removed</span>
    </label>
  );
}

function Bills(props: {
  bills: readonly BillItem[];
  hrefOf: (id: string) => string;
  mayImport: boolean;
  pending: boolean;
}) {
  const { hrefOf } = props;
  const { zone } = usePreferences();
  const columns = useMemo((): readonly TableColumn<BillItem>[] => {
    const clock = timeText(zone);
    return [
      {
        id: 'file_name',
        label: 'Bill',
        align: 'left',
        value: ({ file_name }) => file_name,
        cell: (bill) =>
          bill.state === 'current' ? <Link href={hrefOf(bill.id)}>{bill.file_name}</Link> : bill.file_name,
      },
      { id: 'issuer', label: 'Issuer', align: 'left', wide: true, value: issuersText },
      { id: 'period', label: 'Days (UTC)', align: 'left', value: ({ from, to }) => daysText(from, to) },
      {
        id: 'total',
        label: 'Total',
        value: ({ bill_micro }) => bill_micro / 1e6,
        cell: ({ bill_micro, currency }) => (
          <span title={exactAmount(bill_micro, currency)}>{formatAmount(bill_micro, currency)}</span>
        ),
      },
      { id: 'currency', label: 'Currency', align: 'left', wide: true, value: ({ currency }) => currency },
      { id: 'lines', label: 'Lines', value: ({ lines }) => lines, cell: ({ lines }) => formatCount(lines) },
      { id: 'format', label: 'Format', align: 'left', wide: true, value: formatText },
      {
        id: 'state',
        label: 'State',
        align: 'left',
        value: ({ state }) => STATE_LABELS[state],
        cell: ({ state, replaces }) => (
          <>
            <span class={`badge${state === 'current' ? ' accent' : ''}`}>{STATE_LABELS[state]}</span>
            {replaces.length > 0 && <span class="muted small"> in place of {replaces.length}</span>}
          </>
        ),
      },
      {
        id: 'created_at',
        label: 'Imported',
        align: 'left',
        wide: true,
        value: ({ created_at }) => created_at,
        cell: ({ created_at, created_by }) => (
          <>
            {clock.dateMinute(Date.parse(created_at))} <span class="muted">by {created_by}</span>
          </>
        ),
      },
    ];
  }, [hrefOf, zone]);
  return (
    <DataTable
      id="bills"
      caption="Bills"
      columns={columns}
      rows={props.bills}
      rowKey={({ id }) => id}
      pending={props.pending}
      defaultSort="-created_at"
      empty={
        props.mayImport
          ? 'No bill yet. Drop one above: FOCUS (CSV or Parquet), an AWS cost and usage report, or a simple CSV.'
          : 'No bill yet. An admin or somebody of sales imports them.'
      }
    />
  );
}
