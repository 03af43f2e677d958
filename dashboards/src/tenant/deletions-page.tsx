import type { DeletionRequestItem, DeletionRequestList } from '../../../src/api/deletions-contract.ts';
import { get } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { pageHref } from '../shared/router.ts';
import { timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';

const MOST = 1_000;

/** The operator's list: who asked to be deleted, and from when on that may be done. */
export function DeletionsPage({ query }: PageProps) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const live = useLive(
    'deletions',
    (signal) => get<DeletionRequestList>('/v1/deletion-requests', { limit: MOST }, signal),
    30_000,
  );
  const time = (text: string) => clock.dateMinute(Date.parse(text));
  const columns: readonly TableColumn<DeletionRequestItem>[] = [
    {
      id: 'tenant_id',
      label: 'Tenant',
      align: 'left',
      value: (row) => row.tenant_id,
      cell: (row) => (
        <Link href={pageHref(`/tenants/${encodeURIComponent(row.tenant_id)}/account`, query)}>{row.tenant_id}</Link>
      ),
    },
    {
      id: 'state',
      label: 'State',
      align: 'left',
      value: (row) => (row.legal_hold && row.state === 'requested' ? 'legal hold' : row.state),
      cell: (row) => (
        <span class={`badge${row.state === 'requested' ? ' enforce' : ''}`}>
          {row.legal_hold && row.state === 'requested' ? 'requested, under legal hold' : row.state}
        </span>
      ),
    },
    { id: 'requested_at', label: 'Requested', value: (row) => row.requested_at, cell: (row) => time(row.requested_at) },
    {
      id: 'not_before',
      label: 'Not before',
      about: 'Nothing may be deleted earlier, and nothing is deleted by itself',
      value: (row) => row.not_before,
      cell: (row) => time(row.not_before),
    },
    { id: 'requested_by', label: 'By', align: 'left', wide: true, value: (row) => row.requested_by },
    { id: 'reason', label: 'Reason', align: 'left', wide: true, value: (row) => row.reason },
  ];
  return (
    <>
      <header class="page-head">
        <h1 tabIndex={-1}>Deletion requests</h1>
      </header>
      <p class="muted">
        Tenants that asked to be deleted. Tenantry deletes nothing by itself: whoever does it, does it by hand, after
        the date, and under no legal hold.
      </p>
      <Loaded live={live}>
        {({ items }) => (
          <DataTable
            id="deletions"
            caption="Deletion requests"
            columns={columns}
            rows={items}
            rowKey={({ id }) => id}
            defaultSort="-requested_at"
            empty="Nobody has asked to be deleted."
          />
        )}
      </Loaded>
    </>
  );
}
