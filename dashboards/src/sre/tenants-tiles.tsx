import type { AnomalyItem, TenantList, ThrottleItem } from '../../../src/api/contract.ts';
import { formatCount, formatExact, formatPercent, NO_VALUE } from '../shared/format.ts';
import { formatSpan, freshness, timeText, type Zone } from '../shared/time-format.ts';
import { useNow } from '../shared/use-now.ts';
import { throttlesInForce } from './attention.ts';
import { Tile } from './tiles.tsx';

export function TenantsTiles(props: {
  list: TenantList;
  /** The window reaches up to now; a fixed window of the past cannot be stale. */
  live: boolean;
  zone: Zone;
  throttles: readonly ThrottleItem[] | undefined;
  anomalies: readonly AnomalyItem[] | undefined;
}) {
  const { list } = props;
  const now = useNow();
  const requests = list.items.reduce((sum, row) => sum + row.requests, 0);
  const share = list.attributed_share;
  return (
    <dl class="tiles">
      <Tile label="Active tenants" value={formatCount(list.total)} sub="in this window" testId="tile-tenants" />
      <Tile
        label="Requests"
        value={formatCount(requests)}
        title={formatExact(requests)}
        sub={list.next_cursor === null ? 'by all tenants listed' : `by the first ${list.items.length} tenants`}
        testId="tile-requests"
      />
      <Tile
        label="Attributed spans"
        value={formatPercent(share)}
        {...(share !== null && share < 0.9 ? { tone: 'warn' as const } : {})}
        sub={share === null ? 'no spans in this window' : 'carry a tenant'}
        title="Spans without a tenant are kept under (unknown)"
        testId="tile-attributed"
      />
      <Held throttles={props.throttles} anomalies={props.anomalies} now={now} />
      <Fresh dataUntil={list.data_until} live={props.live} now={now} zone={props.zone} />
    </dl>
  );
}

function Held(props: {
  throttles: readonly ThrottleItem[] | undefined;
  anomalies: readonly AnomalyItem[] | undefined;
  now: number;
}) {
  if (props.throttles === undefined) return <Tile label="Throttled now" value={NO_VALUE} sub="not known yet" />;
  const inForce = throttlesInForce(props.throttles, props.now);
  const enforced = inForce.filter((throttle) => throttle.mode === 'enforce').length;
  const open = props.anomalies?.filter((anomaly) => anomaly.ended_at === null).length;
  const watched = inForce.length - enforced;
  const anomalies = open === undefined ? 'anomalies not known' : `${open} open ${open === 1 ? 'anomaly' : 'anomalies'}`;
  return (
    <Tile
      label="Throttled now"
      value={enforced}
      {...(enforced > 0 ? { tone: 'warn' as const } : {})}
      sub={`${watched} in shadow, ${anomalies}`}
      testId="tile-throttled"
    />
  );
}

function Fresh(props: { dataUntil: number | null; live: boolean; now: number; zone: Zone }) {
  const clock = timeText(props.zone);
  const label = 'Data until';
  if (!props.live) {
    const text = props.dataUntil === null ? NO_VALUE : clock.dateMinute(props.dataUntil);
    return <Tile label={label} value={text} sub="fixed window, not live" testId="tile-fresh" />;
  }
  const state = freshness(props.dataUntil, props.now);
  const { until, ageMs } = state;
  if (state.level === 'fresh' && until !== null) {
    const age = ageMs <= 0 ? 'live' : `${formatSpan(ageMs)} ago`;
    return <Tile label={label} value={clock.time(until)} sub={age} testId="tile-fresh" />;
  }
  return (
    <Tile
      label={label}
      value={until === null ? 'No data' : clock.dateMinute(until)}
      tone="bad"
      sub={`${until === null ? 'In this window' : `Silent for ${formatSpan(ageMs)}`}. Missing data is not zero traffic.`}
      testId="tile-fresh"
    />
  );
}
