import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { NO_VALUE } from '../shared/format.ts';
import { formatAmount } from '../shared/money.ts';
import { formatSpan, type TimeText, timeText } from '../shared/time-format.ts';
import { type LifecycleRow, lastSeenText, STAGE_WORDS } from './lifecycle-model.ts';

const STAGE_CLASS: Readonly<Record<LifecycleRow['stage'], string>> = {
  ...{ new: 'badge fresh', active: 'badge', quiet: 'badge enforce', silent: 'badge', suspended: 'badge enforce' },
  ...{ closed: 'badge', deletion: 'badge anomaly' },
};

/** Days of rollups are days in UTC. */
const DAYS = timeText('UTC');

interface Look {
  readonly clock: TimeText;
  readonly now: number;
  readonly lastSeenKnown: boolean;
  readonly onOpen: (tenantId: string) => void;
}

export function StageBadge({ stage }: { stage: LifecycleRow['stage'] }) {
  return <span class={STAGE_CLASS[stage]}>{STAGE_WORDS[stage]}</span>;
}

function columns({ clock, now, lastSeenKnown, onOpen }: Look): readonly TableColumn<LifecycleRow>[] {
  const moment = (text: string | null) => (text === null ? null : Date.parse(text));
  const when = (text: string | null) =>
    text === null ? NO_VALUE : <span title={clock.full(Date.parse(text))}>{clock.date(Date.parse(text))}</span>;
  return [
    {
      ...{ id: 'tenant_id', label: 'Customer', align: 'left' },
      value: ({ tenant }) => tenant.tenant_id,
      cell: ({ tenant }) => (
        <button type="button" class="row-open tenant-link" onClick={() => onOpen(tenant.tenant_id)}>
          {tenant.tenant_id}
          {tenant.display_name !== null && <span class="muted"> {tenant.display_name}</span>}
        </button>
      ),
    },
    {
      ...{ id: 'stage', label: 'Status', align: 'left' },
      value: ({ stage }) => STAGE_WORDS[stage],
      cell: ({ stage }) => <StageBadge stage={stage} />,
    },
    { id: 'plan', label: 'Plan', align: 'left', value: ({ tenant }) => tenant.plan, cell: planCell },
    {
      ...{ id: 'first_seen_at', label: 'First seen', align: 'left', wide: true },
      value: ({ tenant }) => moment(tenant.first_seen_at),
      cell: ({ tenant }) => when(tenant.first_seen_at),
    },
    {
      ...{ id: 'last_seen', label: 'Last seen', align: 'left' },
      about: 'The newest span: to the minute for two hours, to the hour for two days, else to the day',
      value: ({ tenant }) => moment(tenant.last_seen?.at ?? null),
      cell: ({ tenant }) =>
        lastSeenKnown ? lastSeenText(tenant, now, { ago: formatSpan, day: DAYS.date }) : 'not known right now',
    },
    {
      ...{ id: 'placement', label: 'Placement', align: 'left', wide: true },
      value: ({ tenant }) => tenant.placement,
      cell: ({ tenant }) => <span title={tenant.placement_reason ?? undefined}>{tenant.placement}</span>,
    },
    {
      ...{ id: 'cap', label: 'Spend cap', about: 'On AI; what of it is used in its period', wide: true },
      value: ({ cap }) => cap?.amount_micro ?? null,
      cell: ({ cap }) =>
        cap === undefined
          ? NO_VALUE
          : `${formatAmount(cap.used_micro, cap.currency)} of ${formatAmount(cap.amount_micro, cap.currency)} / ${cap.period}`,
    },
    {
      ...{ id: 'throttle', label: 'Throttle', align: 'left' },
      value: ({ throttle }) => throttle?.mode ?? null,
      cell: ({ throttle }) => {
        if (throttle === undefined) return NO_VALUE;
        const left = formatSpan(Date.parse(throttle.expires_at) - now);
        const isEnforced = throttle.mode === 'enforce';
        return (
          <span class={isEnforced ? 'badge enforce' : 'badge'} title={throttle.reason}>
            {isEnforced ? 'Enforced' : 'Shadow'} <span class="badge-time">{left}</span>
          </span>
        );
      },
    },
  ];
}

function planCell({ tenant }: LifecycleRow) {
  return tenant.plan ?? <span class="muted">none</span>;
}

/** Every customer there is. */
export function LifecycleTable(props: Look & { rows: readonly LifecycleRow[]; pending: boolean; isFiltered: boolean }) {
  return (
    <DataTable
      id="customers"
      caption="Customers"
      columns={columns(props)}
      rows={props.rows}
      rowKey={({ tenant }) => tenant.tenant_id}
      defaultSort="tenant_id"
      pending={props.pending}
      empty={
        props.isFiltered
          ? 'No customer passes these filters.'
          : 'No customers yet. Each enters by itself with its first span, or when somebody puts it on a plan.'
      }
    />
  );
}
