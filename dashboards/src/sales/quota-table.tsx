import type { QuotaItem } from '../../../src/api/quotas-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Link } from '../shared/navigation.tsx';
import { QuotaBar } from '../shared/quota-bar.tsx';
import {
  nearQuotas,
  quotaName,
  quotaTone,
  quotaValue,
  reachedAt,
  reachedText,
  wholePercent,
} from '../shared/quota-text.ts';
import { pageHref } from '../shared/router.ts';
import type { TimeText } from '../shared/time-format.ts';
import type { Customer } from './upsell-model.ts';

export interface QuotaRow {
  readonly quota: QuotaItem;
  readonly customer: Customer;
}

export function sheetHref(tenantId: string, query: URLSearchParams): string {
  return pageHref(`/customers/${encodeURIComponent(tenantId)}/sheet`, query);
}

function columns(query: URLSearchParams, clock: TimeText): readonly TableColumn<QuotaRow>[] {
  return [
    {
      ...{ id: 'tenant_id', label: 'Customer', align: 'left' },
      value: ({ quota }) => quota.tenant_id,
      cell: ({ quota }) => (
        <Link class="tenant-link" href={sheetHref(quota.tenant_id, query)}>
          {quota.tenant_id}
        </Link>
      ),
    },
    { id: 'plan', label: 'Plan', align: 'left', wide: true, value: ({ quota }) => quota.plan },
    { id: 'owner', label: 'Owner', align: 'left', wide: true, value: ({ customer }) => customer.owner },
    { id: 'quota', label: 'Quota', align: 'left', value: ({ quota }) => quotaName(quota) },
    {
      ...{ id: 'share', label: 'Used', about: 'Of the quota; marks at 70, 90 and 100 %' },
      value: ({ quota }) => quota.share,
      cell: ({ quota }) => (
        <span class="quota-bar-cell">
          <QuotaBar
            share={quota.share}
            tone={quotaTone(quota.state)}
            label={`${wholePercent(quota.share)} of ${quotaValue(quota.limit, quota)} used`}
          />
          <span class={quotaTone(quota.state) === 'bad' ? 'bad-text' : undefined}>{wholePercent(quota.share)}</span>
        </span>
      ),
    },
    {
      ...{ id: 'used', label: 'Use', wide: true },
      value: ({ quota }) => quota.used,
      cell: ({ quota }) => `${quotaValue(quota.used, quota)} of ${quotaValue(quota.limit, quota)}`,
    },
    { id: 'kind', label: 'Kind', align: 'left', wide: true, value: ({ quota }) => quota.kind },
    {
      ...{ id: 'reached_at', label: '100 % reached', align: 'left' },
      about: 'When the whole quota will be used, at the pace so far, and the range that it lies in',
      value: ({ quota }) => reachedAt(quota),
      cell: ({ quota }) => <span title={reachedText(quota, clock.full)}>{reachedText(quota, clock.dateMinute)}</span>,
    },
  ];
}

/** Customers with 70 % or more of a quota used. */
export function QuotaTable(props: { rows: readonly QuotaRow[]; query: URLSearchParams; clock: TimeText }) {
  return (
    <DataTable
      id="near-quota"
      caption="Customers near a quota"
      columns={columns(props.query, props.clock)}
      rows={props.rows}
      rowKey={({ quota }) => `${quota.tenant_id} ${quota.key} ${quota.period}`}
      defaultSort="-share"
      empty="Nobody has used 70 % of a quota. Quotas are set per plan; customers without a plan have none."
    />
  );
}

/** Rows of the quotas that are near, with whom they belong to. */
export function quotaRows(
  quotas: readonly QuotaItem[],
  customerOf: (tenantId: string) => Customer,
): readonly QuotaRow[] {
  return nearQuotas(quotas).map((quota) => ({ quota, customer: customerOf(quota.tenant_id) }));
}
