import type { MeterItem, MeterValues, StorageList } from '../../../src/api/contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatBytes, formatCount, formatPercent, NO_VALUE } from '../shared/format.ts';
import { timeText, type Zone } from '../shared/time-format.ts';
import type { SectionProps } from './chart-section.tsx';
import { Part, PartSection } from './tenant-sections.tsx';
import { listMeters, meterValues, tenantStorage } from './trace-api.ts';
import { useTenantList } from './use-tenant-list.ts';

type StorageRow = StorageList['items'][number];

function storageColumns(zone: Zone): TableColumn<StorageRow>[] {
  const clock = timeText(zone);
  return [
    { id: 'store', label: 'Store', align: 'left', value: (row) => row.store },
    { id: 'kind', label: 'Kind', align: 'left', wide: true, value: (row) => row.kind },
    {
      id: 'bytes',
      label: 'Stored',
      about: 'The last measurement in the window, with its standard error',
      value: (row) => row.bytes,
      cell: (row) =>
        row.error_bytes === null || row.error_bytes === 0
          ? formatBytes(row.bytes)
          : `${formatBytes(row.bytes)} ± ${formatBytes(row.error_bytes)}`,
    },
    { id: 'objects', label: 'Objects', value: (row) => row.objects, cell: (row) => formatCount(row.objects) },
    { id: 'method', label: 'Measured by', align: 'left', wide: true, value: (row) => row.method },
    {
      id: 'measured_at',
      label: 'Measured',
      align: 'left',
      value: (row) => row.measured_at,
      cell: (row) => (row.measured_at === null ? NO_VALUE : clock.dateMinute(Date.parse(row.measured_at))),
    },
    {
      id: 'covered_share',
      label: 'Known',
      about: 'Share of the window of which anything is known',
      wide: true,
      value: (row) => row.covered_share,
      cell: (row) => formatPercent(row.covered_share),
    },
  ];
}

/** What the tenant keeps, store by store. */
export function TenantStorage({ tenantId, range, zone }: SectionProps) {
  const live = useTenantList('storage', tenantId, range, (window, signal) => tenantStorage(tenantId, window, signal));
  return (
    <PartSection title="Storage">
      <Part title="Stores" live={live} testId="part-storage">
        {({ items }) => (
          <DataTable
            id="storage"
            caption="What the tenant stores"
            columns={storageColumns(zone)}
            rows={items}
            rowKey={(row) => row.store}
            defaultSort="-bytes"
            empty="Nothing was measured in this window. An admin chooses under storage targets which databases and buckets are looked at."
          />
        )}
      </Part>
    </PartSection>
  );
}

interface MeterRow {
  readonly meter: MeterItem;
  readonly values: MeterValues;
}

/** Each meter is a question of its own. */
const MAX_METERS = 12;

const METER_COLUMNS: readonly TableColumn<MeterRow>[] = [
  { id: 'meter', label: 'Meter', align: 'left', value: ({ meter }) => meter.slug },
  { id: 'description', label: 'What it counts', align: 'left', wide: true, value: ({ meter }) => meter.description },
  {
    id: 'aggregation',
    label: 'As',
    align: 'left',
    wide: true,
    value: ({ meter }) => meter.aggregation.replace('_', ' '),
  },
  {
    id: 'value',
    label: 'In this window',
    value: ({ values }) => values.items[0]?.value ?? null,
    cell: ({ values, meter }) => {
      const value = values.items[0]?.value ?? null;
      return value === null ? NO_VALUE : `${formatCount(value)} ${meter.unit}`;
    },
  },
  {
    id: 'rejected_events',
    label: 'Events without a value',
    wide: true,
    value: ({ values }) => values.items[0]?.rejected_events ?? 0,
    cell: ({ values }) => formatCount(values.items[0]?.rejected_events ?? 0),
  },
];

/** What the operator counts of the tenant by usage events; nothing where no meter is defined. */
export function TenantMeters({ tenantId, range }: SectionProps) {
  const live = useTenantList('meters', tenantId, range, async (window, signal) => {
    const { items } = await listMeters(signal);
    const shown = items.slice(0, MAX_METERS);
    const rows = await Promise.all(
      shown.map(async (meter) => ({ meter, values: await meterValues(meter.slug, tenantId, window, signal) })),
    );
    return { rows, total: items.length };
  });
  return (
    <PartSection title="Meters">
      <Part
        title="Usage events"
        live={live}
        testId="part-meters"
        note={live.data && live.data.total > MAX_METERS && `first ${MAX_METERS} of ${live.data.total}`}
      >
        {({ rows }) => (
          <DataTable
            id="meters"
            caption="Meters with what they counted"
            columns={METER_COLUMNS}
            rows={rows}
            rowKey={({ meter }) => meter.slug}
            empty="No meter is defined. Meters count what only the app knows, such as exports or seats."
          />
        )}
      </Part>
    </PartSection>
  );
}
