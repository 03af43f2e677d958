import type { AuditItem, AuditList } from '../../../src/api/audit-contract.ts';
import { get } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { timeText, type Zone } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { changeText } from './audit-change.ts';
import { Part, PartSection } from './tenant-sections.tsx';

const SHOWN = 100;
/** The log is not everybody's to read, and older servers have none. */
const NOT_FOR_READER = [403, 404];

function columnsOf(zone: Zone): TableColumn<AuditItem>[] {
  const clock = timeText(zone);
  return [
    {
      id: 'at',
      label: 'When',
      align: 'left',
      value: (row) => row.at,
      cell: (row) => <span title={clock.full(Date.parse(row.at))}>{clock.dateMinute(Date.parse(row.at))}</span>,
    },
    { id: 'actor', label: 'Who', align: 'left', value: (row) => row.actor },
    { id: 'action', label: 'What', align: 'left', value: (row) => row.action },
    {
      id: 'change',
      label: 'Change',
      align: 'left',
      wide: true,
      sortable: false,
      value: (row) => changeText(row.before, row.after),
      cell: (row) => <span title={changeText(row.before, row.after)}>{changeText(row.before, row.after)}</span>,
    },
    { id: 'resource', label: 'On', align: 'left', wide: true, value: (row) => row.resource },
    { id: 'request_id', label: 'Request', align: 'left', wide: true, value: (row) => row.request_id },
  ];
}

/** What people and Tenantry itself have done about this tenant, newest first. Nothing for whom the log is closed. */
export function TenantAudit({ tenantId, zone }: { tenantId: string; zone: Zone }) {
  const live = useLive(
    `audit ${tenantId}`,
    (signal) => get<AuditList>('/v1/audit', { tenant_id: tenantId, limit: SHOWN }, signal),
    null,
  );
  if (live.error !== undefined && NOT_FOR_READER.includes(live.error.status)) return null;
  return (
    <PartSection title="Audit">
      <Part
        title="Actions on this tenant"
        live={live}
        testId="part-audit"
        note={live.data?.next_cursor != null && `the newest ${SHOWN}`}
      >
        {({ items }) => (
          <DataTable
            id="audit"
            caption="What was done about this tenant"
            columns={columnsOf(zone)}
            rows={items}
            rowKey={(row) => row.id}
            empty="Nothing was done about this tenant yet."
          />
        )}
      </Part>
    </PartSection>
  );
}
