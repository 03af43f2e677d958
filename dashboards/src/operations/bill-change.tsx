import type { AllocationChange, BillDetail } from '../../../src/api/bills-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatPercent } from '../shared/format.ts';
import { exactAmount, formatAmount, signedAmount } from '../shared/money.ts';
import { Tile } from '../sre/tiles.tsx';
import { coverageOf, type DifferenceRow, differenceRows, tenantsSum } from './bill-text.ts';

type Allocation = BillDetail['allocation'];

/** How a bill is shared out, down to the checked remainder. */
export function AllocationTiles(props: { shares: Allocation; currency: string; before?: Allocation }) {
  const { shares, currency, before } = props;
  const tile = (label: string, pick: (from: Allocation) => number, sub: string, tone?: 'warn' | 'bad') => {
    const micro = pick(shares);
    const change = before === undefined ? 0 : micro - pick(before);
    return (
      <Tile
        label={label}
        value={formatAmount(micro, currency)}
        title={exactAmount(micro, currency)}
        sub={change === 0 ? sub : `${signedAmount(change, currency)} by this change`}
        testId={`sum-${label.toLowerCase()}`}
        {...(tone === undefined ? {} : { tone })}
      />
    );
  };
  return (
    <dl class="tiles sums">
      {tile('Bill', ({ bill_micro }) => bill_micro, 'as imported')}
      {tile('Tenants', tenantsSum, `${formatPercent(coverageOf(shares))} of the bill`)}
      {tile('Shared', ({ shared_micro }) => shared_micro, 'nobody’s, by rule')}
      {tile('Idle', ({ idle_micro }) => idle_micro, 'paid for and not used')}
      {tile(
        'Unallocated',
        ({ unallocated_micro }) => unallocated_micro,
        'no rule or no usage',
        shares.unallocated_micro === 0 ? undefined : 'warn',
      )}
      {tile(
        'Residual',
        ({ residual_micro }) => residual_micro,
        shares.residual_micro === 0 ? 'adds up exactly' : 'does not add up: tell support',
        shares.residual_micro === 0 ? undefined : 'bad',
      )}
    </dl>
  );
}

/** What could not be given to anybody, and why. */
export function UnallocatedReasons(props: { shares: Allocation; currency: string }) {
  const { unallocated } = props.shares;
  if (unallocated.length === 0) return null;
  return (
    <ul aria-label="Why costs are unallocated">
      {unallocated.map(({ reason, cost_micro: micro, lines }) => (
        <li key={reason} class="row">
          <span class="row-main">
            {reason} <span class="muted small">{lines} lines</span>
          </span>
          <span title={exactAmount(micro, props.currency)}>{formatAmount(micro, props.currency)}</span>
        </li>
      ))}
    </ul>
  );
}

/** What sharing a bill out in another way changes, tenant by tenant. */
export function ChangeView(props: { change: AllocationChange; currency: string }) {
  const { change, currency } = props;
  const money = (id: 'before' | 'after'): TableColumn<DifferenceRow> => ({
    id,
    label: id === 'before' ? 'Before' : 'After',
    value: (row) => row[id] / 1e6,
    cell: (row) => <span title={exactAmount(row[id], currency)}>{formatAmount(row[id], currency)}</span>,
  });
  const columns: readonly TableColumn<DifferenceRow>[] = [
    { id: 'tenant_id', label: 'Tenant', align: 'left', value: ({ tenantId }) => tenantId },
    money('before'),
    money('after'),
    {
      id: 'difference',
      label: 'Difference',
      value: ({ difference }) => difference / 1e6,
      cell: ({ difference }) => (
        <span title={exactAmount(difference, currency)}>{signedAmount(difference, currency)}</span>
      ),
    },
  ];
  return (
    <div class="stack" data-testid="allocation-change">
      <AllocationTiles shares={change.after} before={change.before} currency={currency} />
      <UnallocatedReasons shares={change.after} currency={currency} />
      <DataTable
        id="allocation-change"
        caption="Differences by tenant"
        columns={columns}
        rows={differenceRows(change)}
        rowKey={({ tenantId }) => tenantId}
        empty="No tenant pays another amount."
      />
    </div>
  );
}
