import type { ComponentChildren } from 'preact';
import type { BacktestItem } from '../../../src/api/control-contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { AskButton } from '../shared/form-ask.tsx';
import { formatCount, formatPercent, formatShort, NO_VALUE } from '../shared/format.ts';
import { Link } from '../shared/navigation.tsx';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { cancelBacktest } from './backtest-api.ts';
import { falsePerTenantMonth, isDraft, type ThrottledTenant, throttledTenants } from './backtest-draft.ts';
import { Tile } from './tiles.tsx';

type Result = NonNullable<BacktestItem['result']>;

interface ResultProps {
  one: BacktestItem;
  /** The rule in force over the same history. */
  partner: BacktestItem | undefined;
  zone: Zone;
  onChanged: () => void;
}

/** How far a replay is, or what came of it beside the rule in force. */
export function BacktestResult(props: ResultProps) {
  const { one, partner } = props;
  if (one.state === 'waiting' || one.state === 'running') return <Progress {...props} />;
  if (one.state === 'cancelled') return <p class="muted">It was cancelled by somebody.</p>;
  if (one.result === null) return <p class="bad-text">{one.error ?? 'It failed.'}</p>;
  return (
    <>
      <Figures result={one.result} partner={partner?.result ?? undefined} />
      {partner !== undefined && partner.result === null && (
        <p class="muted small">The rule in force is still being replayed beside it.</p>
      )}
      <HeldBack result={one.result} />
      <Tenants result={one.result} partner={partner?.result ?? undefined} zone={props.zone} />
      <Hint one={one} />
    </>
  );
}

function Progress({ one, onChanged }: ResultProps) {
  return (
    <div class="backtest-progress">
      <progress value={one.progress} max={1} aria-label="Progress" />
      <span>{one.state === 'waiting' ? 'It waits for its turn.' : `${formatPercent(one.progress)} replayed`}</span>
      <AskButton
        label="Cancel …"
        title="Cancel the replay"
        action="Cancel it"
        onConfirm={() => cancelBacktest(one.id)}
        onDone={onChanged}
      >
        <p>What was replayed so far is not kept.</p>
      </AskButton>
    </div>
  );
}

function Figures({ result, partner }: { result: Result; partner: Result | undefined }) {
  const beside = (text: (one: Result) => ComponentChildren) =>
    partner === undefined ? {} : { sub: <>in force: {text(partner)}</> };
  const tile = (label: string, testId: string, text: (one: Result) => ComponentChildren, title?: string) => (
    <Tile
      label={label}
      value={text(result)}
      testId={testId}
      {...(title === undefined ? {} : { title })}
      {...beside(text)}
    />
  );
  const month = (one: Result) => {
    const falseOnes = falsePerTenantMonth(one);
    return falseOnes === null ? NO_VALUE : formatShort(falseOnes);
  };
  return (
    <>
      <dl class="tiles">
        {tile('Findings', 'backtest-findings', (one) => formatCount(one.findings))}
        {tile('Would throttle', 'backtest-throttles', (one) => formatCount(one.throttles))}
        {tile(
          'Precision',
          'backtest-precision',
          (one) => formatPercent(one.precision),
          'Of the throttles, how many were right',
        )}
        {tile(
          'Recall',
          'backtest-recall',
          (one) => formatPercent(one.recall),
          'Of what was right to act on, how much was',
        )}
        {tile(
          'False / tenant-month',
          'backtest-false',
          month,
          'False throttles that a tenant has to expect in 30 days',
        )}
      </dl>
      <p class="muted small">
        {formatCount(result.tenants)} tenants over {formatSpan(result.minutes * 60_000)} of measured minutes.
        {result.precision === null &&
          result.recall === null &&
          ' Without labels nobody can tell which throttles would have been right.'}
      </p>
    </>
  );
}

function HeldBack({ result }: { result: Result }) {
  const guards = Object.entries(result.held_back).sort(([, a], [, b]) => b - a);
  if (guards.length === 0) return null;
  return (
    <p class="small">
      Findings that led to no throttle, by what held back:{' '}
      {guards.map(([guard, count]) => `${guard} ${formatCount(count)}`).join(', ')}.
    </p>
  );
}

function columnsOf(zone: Zone, isCompared: boolean): TableColumn<ThrottledTenant>[] {
  const clock = timeText(zone);
  const columns: TableColumn<ThrottledTenant>[] = [
    {
      id: 'tenant_id',
      label: 'Tenant',
      align: 'left',
      value: (row) => row.tenantId,
      cell: (row) => <Link href={`/tenants/${encodeURIComponent(row.tenantId)}`}>{row.tenantId}</Link>,
    },
    { id: 'throttles', label: 'Throttles', value: (row) => row.throttles },
  ];
  if (isCompared)
    columns.push({
      id: 'in_force',
      label: 'In force',
      about: 'Throttles by the rule in force',
      value: (row) => row.inForce,
    });
  columns.push(
    {
      id: 'seconds',
      label: 'For',
      about: 'How long it would have been held, renewals included',
      value: (row) => row.seconds,
      cell: (row) => (row.seconds === null ? NO_VALUE : formatSpan(row.seconds * 1_000)),
    },
    {
      id: 'limit',
      label: 'Tightest limit',
      about: 'Requests a second',
      value: (row) => row.limit,
      cell: (row) => (row.limit === null ? NO_VALUE : `${formatShort(row.limit)} / s`),
    },
    {
      id: 'wrong',
      label: 'False',
      about: 'By the labels',
      value: (row) => row.wrong,
      cell: (row) => formatCount(row.wrong),
    },
    {
      id: 'first',
      label: 'First',
      value: (row) => (row.first === null ? null : new Date(row.first).toISOString()),
      cell: (row) => (row.first === null ? NO_VALUE : clock.dateMinute(row.first)),
    },
    {
      id: 'reason',
      label: 'Why',
      align: 'left',
      wide: true,
      sortable: false,
      value: (row) => row.reason,
      cell: (row) => <span title={row.reason}>{row.reason}</span>,
    },
  );
  return columns;
}

function Tenants({ result, partner, zone }: { result: Result; partner: Result | undefined; zone: Zone }) {
  const listed = result.examples.length;
  return (
    <>
      <h3>Who would have been throttled</h3>
      {listed < result.throttles && (
        <p class="warn-text small">
          Only the first {formatCount(listed)} of {formatCount(result.throttles)} throttles were kept: the rows below
          count those.
        </p>
      )}
      <DataTable
        id="throttled"
        caption="Tenants that the rule would have throttled"
        columns={columnsOf(zone, partner !== undefined)}
        rows={throttledTenants(result, partner)}
        rowKey={(row) => row.tenantId}
        empty="Nobody."
      />
    </>
  );
}

/** What a replay is good for next. */
function Hint({ one }: { one: BacktestItem }) {
  return (
    <p class="small backtest-hint">
      {isDraft(one)
        ? 'A draft proves nothing by itself: its settings go live through the environment of the server (TENANTRY_THROTTLE_…). Then replay the rule as it is, and promote it: off, shadow, canary, enforce.'
        : 'A replay of the rule as it is counts as its proof where it has labels: with it, the rule may be promoted.'}{' '}
      <Link href="/rules">Rules and guards</Link>
    </p>
  );
}
