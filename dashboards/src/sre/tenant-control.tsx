import type { BreakerItem, FlagInstanceItem, ThrottleItem } from '../../../src/api/contract.ts';
import { listDegradations } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount, NO_VALUE } from '../shared/format.ts';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { type Live, useLive } from '../shared/use-live.ts';
import { useNow } from '../shared/use-now.ts';
import { throttlesInForce } from './attention.ts';
import { DegradationList } from './degradation-list.tsx';
import { Part, PartSection } from './tenant-sections.tsx';
import { flagInstances } from './trace-api.ts';

const INTERVAL_MS = 10_000;

interface ForceRow {
  readonly id: string;
  readonly what: string;
  readonly value: string;
  readonly reason: string;
  readonly by: string;
  readonly endsAt: string;
  /** null: breakers tell by their own reports. */
  readonly obeyedBy: number | null;
}

function forceRows(throttles: readonly ThrottleItem[], breakers: readonly BreakerItem[], now: number): ForceRow[] {
  const held = throttlesInForce(throttles, now).map((throttle) => ({
    id: throttle.id,
    what: throttle.mode === 'enforce' ? 'Throttle' : 'Shadow throttle',
    value: `${throttle.limit.requests_per_second} requests/s, burst ${throttle.limit.burst}`,
    reason: throttle.reason,
    by: throttle.created_by,
    endsAt: throttle.expires_at,
    obeyedBy: throttle.acks.length,
  }));
  const ordered = breakers.flatMap(({ integration, order }) =>
    order === null
      ? []
      : [
          {
            id: `breaker ${integration}`,
            what: `Breaker of ${integration}`,
            value: order.state,
            reason: order.reason,
            by: order.created_by,
            endsAt: order.expires_at,
            obeyedBy: null,
          },
        ],
  );
  return [...held, ...ordered];
}

function forceColumns(zone: Zone, now: number): TableColumn<ForceRow>[] {
  const clock = timeText(zone);
  return [
    { id: 'what', label: 'Flag', align: 'left', value: (row) => row.what },
    { id: 'value', label: 'Says', align: 'left', value: (row) => row.value },
    { id: 'reason', label: 'Reason', align: 'left', wide: true, value: (row) => row.reason },
    { id: 'by', label: 'By', align: 'left', wide: true, value: (row) => row.by },
    {
      id: 'ends_at',
      label: 'Ends by itself',
      align: 'left',
      value: (row) => row.endsAt,
      cell: (row) => `${clock.time(Date.parse(row.endsAt))}, in ${formatSpan(Date.parse(row.endsAt) - now)}`,
    },
    {
      id: 'obeyed_by',
      label: 'Obeyed by',
      about: 'App instances that have said that they obey it',
      value: (row) => row.obeyedBy,
      cell: (row) => (row.obeyedBy === null ? NO_VALUE : `${formatCount(row.obeyedBy)} instances`),
    },
  ];
}

function instanceColumns(zone: Zone): TableColumn<FlagInstanceItem>[] {
  const clock = timeText(zone);
  return [
    { id: 'service', label: 'Service', align: 'left', value: (row) => row.service },
    { id: 'instance', label: 'Instance', align: 'left', value: (row) => row.instance_id },
    {
      id: 'state',
      label: 'State',
      align: 'left',
      value: (row) => (row.live ? (row.up_to_date ? 'up to date' : 'behind') : 'gone'),
      cell: (row) => (
        <span class={row.live && row.up_to_date ? 'badge' : 'badge enforce'}>
          {row.live ? (row.up_to_date ? 'up to date' : 'behind') : 'gone'}
        </span>
      ),
    },
    { id: 'transport', label: 'Hears by', align: 'left', wide: true, value: (row) => row.transport },
    {
      id: 'last_seen',
      label: 'Last seen',
      align: 'left',
      wide: true,
      value: (row) => row.last_seen_at,
      cell: (row) => clock.time(Date.parse(row.last_seen_at)),
    },
    {
      id: 'revision',
      label: 'Obeys revision',
      wide: true,
      value: (row) => row.acked_revision,
      cell: (row) => formatCount(row.acked_revision),
    },
  ];
}

/** What is asked of the apps about this tenant now, and which of them have heard of it. */
export function TenantFlags(props: {
  throttles: Live<readonly ThrottleItem[]>;
  breakers: Live<readonly BreakerItem[]>;
  zone: Zone;
  /** null: nobody from whom anything could be taken. */
  tenantId: string | null;
  query: URLSearchParams;
  /** Which instances there are is the operators' to know, and what is taken theirs to give back. */
  isOperator: boolean;
}) {
  const { throttles, breakers, zone } = props;
  const now = useNow(5_000);
  return (
    <PartSection title="Flags in force">
      <Part title="Now" live={throttles} testId="part-flags">
        {(items) => (
          <DataTable
            id="flags"
            caption="Throttles and breaker orders in force"
            columns={forceColumns(zone, now)}
            rows={forceRows(items, breakers.data ?? [], now)}
            rowKey={(row) => row.id}
            empty="Nothing holds this tenant back: no throttle, no order to a breaker."
          />
        )}
      </Part>
      {props.tenantId !== null && (
        <Degraded tenantId={props.tenantId} zone={zone} query={props.query} mayLift={props.isOperator} />
      )}
      {props.isOperator && <Instances zone={zone} />}
    </PartSection>
  );
}

function Degraded(props: { tenantId: string; zone: Zone; query: URLSearchParams; mayLift: boolean }) {
  const { tenantId } = props;
  const live = useLive(`degradations ${tenantId}`, (signal) => listDegradations(tenantId, signal), INTERVAL_MS);
  return (
    <Part title="AI taken from it" live={live} testId="part-degradations">
      {(items) =>
        items.length === 0 ? (
          <p class="muted">Nothing is: neither by an order nor by a spend cap.</p>
        ) : (
          <DegradationList {...props} items={items} onLifted={live.refresh} />
        )
      }
    </Part>
  );
}

function Instances({ zone }: { zone: Zone }) {
  const live = useLive('flag instances', flagInstances, INTERVAL_MS);
  return (
    <Part
      title="App instances"
      live={live}
      testId="part-instances"
      note={live.data && `newest revision of all flags: ${formatCount(live.data.revision)}`}
    >
      {({ items }) => (
        <DataTable
          id="instances"
          caption="App instances that read flags"
          columns={instanceColumns(zone)}
          rows={items}
          rowKey={(row) => `${row.service} ${row.instance_id}`}
          defaultSort="service"
          empty="No app instance reads flags: throttles would be obeyed by nobody. The middleware reads them when it has a key with the scope flags."
        />
      )}
    </Part>
  );
}
