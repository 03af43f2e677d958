import { useMemo } from 'preact/hooks';
import type { AlertItem } from '../../../src/api/alert-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { Link, navigate } from '../shared/navigation.tsx';
import { isFor, OPERATOR_ROLES, type PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { RangePicker } from '../shared/range-picker.tsx';
import { withQuery } from '../shared/router.ts';
import { Tabs } from '../shared/tabs.tsx';
import { formatSpan, timeText } from '../shared/time-format.ts';
import { rangeFromQuery, windowOf } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { useNow } from '../shared/use-now.ts';
import '../styles/operations.css';
import { listAlerts, listMutes, listRoutes, MOST_ALERTS } from './alert-api.ts';
import { AlertCard, type AlertContext, SeverityBadge } from './alert-card.tsx';
import { MuteButton, MuteList } from './alert-mutes.tsx';
import { ALERT_TABS, byUrgency, deliverySummary, KIND_LABELS } from './alert-text.ts';

const REFRESH_MS = 10_000;

/** What people should know of now, what was, who has it, and whether anybody was told. */
export function AlertsPage({ query, who }: PageProps) {
  const { zone } = usePreferences();
  const range = rangeFromQuery(query);
  const kind = query.get('kind') ?? undefined;
  const tenantId = query.get('tenant') ?? undefined;
  const mayAct = isFor(who, OPERATOR_ROLES);
  const live = useLive(
    JSON.stringify(['alerts', range, kind, tenantId]),
    (signal) => listAlerts({ window: windowOf(range, serverNow()), kind, tenantId }, signal),
    REFRESH_MS,
  );
  const routes = useLive(
    `routes ${mayAct}`,
    (signal) => (mayAct ? listRoutes(signal) : Promise.resolve([])),
    null,
  ).data;
  const mutes = useLive(`mutes ${mayAct}`, (signal) => (mayAct ? listMutes(signal) : Promise.resolve([])), REFRESH_MS);
  const now = useNow();
  const refresh = () => {
    live.refresh();
    mutes.refresh();
  };
  const context: AlertContext = {
    clock: timeText(zone),
    now: now,
    query,
    mayAct,
    routeName: (id) => routes?.find((route) => route.id === id)?.name ?? 'A route',
    onChanged: refresh,
  };
  return (
    <>
      <div class="page-head">
        <h1>Alerts</h1>
        <div class="page-actions">
          {mayAct && <MuteButton onDone={refresh} />}
          <RangePicker range={range} query={query} zone={zone} drop={['alert']} />
        </div>
      </div>
      {mayAct && <Tabs label="Alerting" pages={ALERT_TABS} current="/alerts" query={query} />}
      <Filters query={query} />
      <Loaded live={live}>{(alerts) => <Alerts alerts={alerts} context={context} />}</Loaded>
      {mutes.data !== undefined && <MuteList mutes={mutes.data} {...context} />}
    </>
  );
}

function Filters(props: { query: URLSearchParams }) {
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(props.query);
    if (value === '') next.delete(name);
    else next.set(name, value);
    navigate(withQuery('/alerts', next), { replace: true });
  };
  const tenant = props.query.get('tenant');
  return (
    <div class="filters">
      <label class="filter">
        <span class="muted small">Kind</span>
        <select value={props.query.get('kind') ?? ''} onChange={(event) => set('kind', event.currentTarget.value)}>
          <option value="">Every kind</option>
          {Object.entries(KIND_LABELS).map(([kind, label]) => (
            <option key={kind} value={kind}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {tenant !== null && (
        <button type="button" class="button small" onClick={() => set('tenant', '')}>
          Only {tenant} ✕
        </button>
      )}
    </div>
  );
}

function Alerts(props: { alerts: readonly AlertItem[]; context: AlertContext }) {
  const { alerts, context } = props;
  const on = alerts.filter(({ status }) => status !== 'ended').toSorted(byUrgency);
  const ended = alerts.filter(({ status }) => status === 'ended');
  const shown = ended.find(({ id }) => id === context.query.get('alert'));
  return (
    <>
      <section class="stack" aria-labelledby="on-now" data-testid="alerts-on">
        <h2 id="on-now">
          On now <span class="muted">{on.length}</span>
        </h2>
        {on.length === 0 && <p class="card table-empty">Nothing is wrong that Tenantry knows of.</p>}
        {on.map((alert) => (
          <AlertCard key={alert.id} alert={alert} {...context} />
        ))}
      </section>
      <section class="stack" aria-labelledby="earlier">
        <h2 id="earlier">Earlier</h2>
        {alerts.length === MOST_ALERTS && (
          <p class="warn-text small">
            Only the newest {MOST_ALERTS} are shown. Choose a shorter time to see all of it.
          </p>
        )}
        {shown !== undefined && <AlertCard alert={shown} {...context} />}
        <EndedAlerts alerts={ended} context={context} />
      </section>
    </>
  );
}

function EndedAlerts({ alerts, context }: { alerts: readonly AlertItem[]; context: AlertContext }) {
  const { clock, query } = context;
  const columns = useMemo((): readonly TableColumn<AlertItem>[] => {
    const hrefOf = (id: string) => {
      const next = new URLSearchParams(query);
      next.set('alert', id);
      return withQuery('/alerts', next);
    };
    return [
      {
        id: 'started_at',
        label: 'Began',
        align: 'left',
        value: ({ started_at }) => started_at,
        cell: ({ started_at }) => clock.dateMinute(Date.parse(started_at)),
      },
      { id: 'severity', label: 'Severity', align: 'left', value: ({ severity }) => severity, cell: SeverityBadge },
      {
        id: 'title',
        label: 'Alert',
        align: 'left',
        value: ({ title }) => title,
        cell: ({ id, title }) => <Link href={hrefOf(id)}>{title}</Link>,
      },
      {
        id: 'lasted_s',
        label: 'Lasted',
        value: ({ started_at, ended_at }) =>
          ended_at === null ? null : Math.round((Date.parse(ended_at) - Date.parse(started_at)) / 1000),
        cell: ({ started_at, ended_at }) => formatSpan(Date.parse(ended_at ?? started_at) - Date.parse(started_at)),
      },
      {
        id: 'acknowledged_by',
        label: 'Taken on by',
        align: 'left',
        wide: true,
        value: ({ acknowledged_by }) => acknowledged_by,
        cell: ({ acknowledged_by }) => acknowledged_by ?? <span class="muted">nobody</span>,
      },
      {
        id: 'told',
        label: 'Told',
        align: 'left',
        wide: true,
        value: (alert) => deliverySummary(alert).text,
        cell: (alert) => {
          const { tone, text } = deliverySummary(alert);
          return <span class={`tone-${tone}`}>{text}</span>;
        },
      },
    ];
  }, [clock, query]);
  return (
    <DataTable
      id="alerts"
      caption="Alerts that are over"
      columns={columns}
      rows={alerts}
      rowKey={({ id }) => id}
      defaultSort="-started_at"
      empty="None that ended in this time. Choose a longer one above."
    />
  );
}
