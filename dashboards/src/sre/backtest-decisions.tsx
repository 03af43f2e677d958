import type { DecisionList } from '../../../src/api/contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatDuration } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link, navigate } from '../shared/navigation.tsx';
import { withQuery } from '../shared/router.ts';
import { timeText, type Zone } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { listDecisions } from './backtest-api.ts';

type Decision = DecisionList['items'][number];

const INTERVAL_MS = 10_000;
const KINDS: Readonly<Record<Decision['kind'], string>> = {
  throttle: 'Throttled',
  alert: 'Only alerted',
  lift: 'Lifted',
  ask: 'Asked a person',
};

function effectText({ effect }: Decision): string | null {
  const { victims_p95_before_ms: before, victims_p95_after_ms: after } = effect;
  return before === null || after === null ? null : `${formatDuration(before)} → ${formatDuration(after)}`;
}

function columnsOf(zone: Zone): TableColumn<Decision>[] {
  const clock = timeText(zone);
  return [
    {
      id: 'at',
      label: 'At',
      align: 'left',
      value: (row) => row.at,
      cell: (row) => <Link href={`/noisy?event=decision-${row.id}`}>{clock.dateMinute(Date.parse(row.at))}</Link>,
    },
    {
      id: 'tenant_id',
      label: 'Tenant',
      align: 'left',
      value: (row) => row.tenant_id,
      cell: (row) => <Link href={`/tenants/${encodeURIComponent(row.tenant_id)}`}>{row.tenant_id}</Link>,
    },
    { id: 'kind', label: 'What', align: 'left', value: (row) => KINDS[row.kind] },
    { id: 'held_back_by', label: 'Held back by', align: 'left', value: (row) => row.held_back_by.join(', ') },
    {
      id: 'explanation',
      label: 'Why',
      align: 'left',
      sortable: false,
      value: (row) => row.explanation,
      cell: (row) => <span title={row.explanation}>{row.explanation}</span>,
    },
    {
      id: 'obeyed',
      label: 'Obeyed by',
      about: 'App instances that said so',
      wide: true,
      value: (row) => row.throttle?.acks.length ?? null,
    },
    {
      id: 'effect',
      label: 'Worst P95',
      about: 'Of whoever suffers most, before and since',
      wide: true,
      value: effectText,
    },
  ];
}

/** Every decision with its reason: above all, why nothing was done. */
export function DecisionLog({ query, zone }: { query: URLSearchParams; zone: Zone }) {
  const tenant = query.get('tenant') ?? '';
  const decisions = useLive(tenant, (signal) => listDecisions(tenant, signal), INTERVAL_MS);
  const search = (text: string) => {
    const next = new URLSearchParams(query);
    if (text === '') next.delete('tenant');
    else next.set('tenant', text);
    navigate(withQuery('/rules', next), { replace: true });
  };
  return (
    <section aria-label="Decisions" data-testid="decisions">
      <header class="section-head decision-head">
        <h2>Why was something done, or nothing?</h2>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            search(String(new FormData(event.currentTarget).get('tenant') ?? '').trim());
          }}
        >
          <input
            class="decision-tenant"
            name="tenant"
            aria-label="Decisions of one tenant"
            placeholder="Tenant id, Enter"
            defaultValue={tenant}
            key={tenant}
          />
        </form>
      </header>
      <Loaded live={decisions}>
        {(items) => (
          <DataTable
            id="decisions"
            caption="Decisions, newest first"
            columns={columnsOf(zone)}
            rows={items}
            rowKey={(row) => row.id}
            empty={
              tenant === ''
                ? 'Nothing has been decided yet: no rule has found anybody out of line.'
                : `Nothing has been decided about ${tenant}: no rule has found it out of line, or there is no such tenant.`
            }
          />
        )}
      </Loaded>
    </section>
  );
}
