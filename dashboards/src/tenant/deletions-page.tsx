import type { DeletionCertificateSummary, DeletionRequestItem } from '../../../src/api/deletions-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { pageHref } from '../shared/router.ts';
import { type TimeText, timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { allDeletions, listCertificates, startDeletion } from './deletion-api.ts';
import { mayStart, stateText, stepText } from './deletion-text.ts';

const REFRESH_MS = 10_000;

/** The operator's list: who asked to be deleted, how far that is, and the proofs of what was done. */
export function DeletionsPage({ query }: PageProps) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const live = useLive(
    'deletions',
    async (signal) => {
      const [requests, certificates] = await Promise.all([allDeletions(signal), listCertificates(signal)]);
      return { requests, certificates };
    },
    REFRESH_MS,
  );
  return (
    <>
      <header class="page-head">
        <h1 tabIndex={-1}>Deletion requests</h1>
      </header>
      <p class="muted">
        Tenants that asked to be deleted, or for whom it was asked. They are closed; nothing is deleted before the date
        and under a legal hold
        {live.data?.requests.automatic === true
          ? ', and then it is done by itself.'
          : ', and then only when an admin starts it.'}
      </p>
      <Loaded live={live}>
        {({ requests, certificates }) => (
          <>
            <DataTable
              id="deletions"
              caption="Deletion requests"
              columns={requestColumns(clock, query, live.refresh)}
              rows={requests.items}
              rowKey={({ id }) => id}
              defaultSort="-requested_at"
              empty="Nobody has asked to be deleted."
            />
            <h2>Certificates</h2>
            <DataTable
              id="certificates"
              caption="Certificates of deletion"
              columns={certificateColumns(clock, query)}
              rows={certificates.items}
              rowKey={({ id }) => id}
              defaultSort="-finished_at"
              empty="No tenant was deleted."
            />
          </>
        )}
      </Loaded>
    </>
  );
}

function requestColumns(
  clock: TimeText,
  query: PageProps['query'],
  onDone: () => void,
): readonly TableColumn<DeletionRequestItem>[] {
  const time = (text: string) => clock.dateMinute(Date.parse(text));
  return [
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
      value: stateText,
      cell: (row) => (
        <>
          <span class={`badge${row.state === 'cancelled' ? '' : ' enforce'}`}>{stateText(row)}</span>{' '}
          <span class="muted small">{row.failure ?? row.waits_for ?? stepText(row)}</span>
        </>
      ),
    },
    {
      id: 'start',
      label: 'Delete',
      align: 'left',
      value: (row) => Number(mayStart(row, serverNow())),
      cell: (row) => (mayStart(row, serverNow()) ? <Start request={row} onDone={onDone} /> : null),
    },
    { id: 'requested_at', label: 'Requested', value: (row) => row.requested_at, cell: (row) => time(row.requested_at) },
    {
      id: 'not_before',
      label: 'Not before',
      about: 'Nothing may be deleted earlier',
      value: (row) => row.not_before,
      cell: (row) => time(row.not_before),
    },
    { id: 'requested_by', label: 'By', align: 'left', wide: true, value: (row) => row.requested_by },
    { id: 'reason', label: 'Reason', align: 'left', wide: true, value: (row) => row.reason },
  ];
}

function Start({ request, onDone }: { request: DeletionRequestItem; onDone: () => void }) {
  const { tenant_id: tenant, id, state } = request;
  return (
    <AskButton
      label={state === 'failed' ? 'Go on …' : 'Delete …'}
      about={tenant}
      title={`Delete ${tenant} for good`}
      action="Delete for good"
      danger
      testId="start-deletion"
      onConfirm={() => startDeletion(tenant, id)}
      onDone={onDone}
    >
      <p>
        Everything of <strong>{tenant}</strong> is deleted from both stores: telemetry, figures, members, keys,
        settings. This cannot be undone. Backups keep what they have until they are dropped.
      </p>
      <p>Its certificate will be listed below, and does not tell whose it was: note {id} if you must know.</p>
    </AskButton>
  );
}

function certificateColumns(
  clock: TimeText,
  query: PageProps['query'],
): readonly TableColumn<DeletionCertificateSummary>[] {
  return [
    {
      id: 'id',
      label: 'Certificate',
      align: 'left',
      value: (row) => row.id,
      cell: (row) => <Link href={pageHref(`/deletion-certificates/${row.id}`, query)}>{row.id}</Link>,
    },
    {
      id: 'finished_at',
      label: 'Deleted',
      value: (row) => row.finished_at,
      cell: (row) => clock.dateMinute(Date.parse(row.finished_at)),
    },
    { id: 'rows_deleted', label: 'Rows', value: (row) => row.rows_deleted },
    { id: 'legal_basis', label: 'Legal basis', align: 'left', wide: true, value: (row) => row.legal_basis },
    { id: 'pseudonym', label: 'Pseudonym', align: 'left', wide: true, value: (row) => row.pseudonym },
  ];
}
