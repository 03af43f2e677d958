import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { CostExplanation } from '../../../src/api/contract.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { exactAmount, formatAmount } from '../shared/money.ts';
import { Link, navigate } from '../shared/navigation.tsx';
import { withQuery } from '../shared/router.ts';
import type { RangeWindow } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { explainPart } from './cost-api.ts';
import { Amount, Checked } from './cost-checked.tsx';
import { dayName } from './cost-range.ts';

type Share = CostExplanation['items'][number];

/** Which share of a bill: what the URL says of it, so that a link opens the same one. */
const shareKey = (share: Share) =>
  [share.bill_id, share.rule, share.service, share.charge_category, share.from].join('|');

export interface ExplainProps {
  readonly tenantId: string;
  readonly part: string;
  readonly window: RangeWindow;
  readonly currency: string;
  /** What the part came to, and how much of that is in no bill. */
  readonly partMicro: number;
  readonly estimatedMicro: number;
  readonly query: URLSearchParams;
}

/** A part unfolded: every share of every bill in it, with the rule, the usage and the lines. */
export function ExplainPart(props: ExplainProps) {
  const { tenantId, part, window, currency, query } = props;
  const question = JSON.stringify([tenantId, part, window, currency]);
  const live = useLive(question, (signal) => explainPart({ tenantId, part, window, currency }, signal), null);
  const open = query.get('share');
  const toggle = (key: string) => {
    const next = new URLSearchParams(query);
    if (open === key) next.delete('share');
    else next.set('share', key);
    navigate(withQuery(location.pathname, next), { replace: true });
  };
  return (
    <Loaded live={live}>
      {(shares) => {
        const chosen = shares.find((share) => shareKey(share) === open);
        const estimated = props.estimatedMicro === 0 ? [] : [props.estimatedMicro];
        return (
          <>
            {props.estimatedMicro !== 0 && (
              <p class="small">
                {formatAmount(props.estimatedMicro, currency)} of it is AI usage that no bill covers, at the prices of
                the price book; the models are listed below.
              </p>
            )}
            {shares.length > 0 && (
              <Shares shares={shares} currency={currency} open={open} onToggle={toggle} part={part} />
            )}
            <Checked
              parts={[...shares.map((share) => share.cost_micro), ...estimated]}
              total={props.partMicro}
              currency={currency}
              testId={`checked-${part}`}
            />
            {chosen !== undefined && <ShareDetail share={chosen} currency={currency} query={query} />}
          </>
        );
      }}
    </Loaded>
  );
}

function Shares(props: {
  shares: readonly Share[];
  currency: string;
  open: string | null;
  onToggle: (key: string) => void;
  part: string;
}) {
  const { currency, open, onToggle } = props;
  const columns = useMemo(
    (): TableColumn<Share>[] => [
      {
        id: 'booked',
        label: 'Day',
        align: 'left',
        value: (row) => row.booked.slice(0, 10),
        cell: (row) => (
          <button
            type="button"
            class="part-name"
            aria-expanded={shareKey(row) === open}
            onClick={() => onToggle(shareKey(row))}
          >
            {dayName(Date.parse(row.booked))}
          </button>
        ),
      },
      { id: 'service', label: 'Service', align: 'left', value: (row) => row.service },
      { id: 'rule', label: 'Rule', align: 'left', wide: true, value: (row) => row.rule },
      { id: 'provider', label: 'Provider', align: 'left', wide: true, value: (row) => row.provider },
      { id: 'lines', label: 'Lines', wide: true, value: (row) => row.line_count },
      {
        id: 'group',
        label: 'Shared out',
        about: 'What the lines come to that were shared out by this rule',
        wide: true,
        value: (row) => row.group_micro / 1e6,
        cell: (row) => <Amount micro={row.group_micro} currency={currency} />,
      },
      {
        id: 'cost',
        label: 'This tenant',
        value: (row) => row.cost_micro / 1e6,
        cell: (row) => <Amount micro={row.cost_micro} currency={currency} />,
      },
    ],
    [currency, open],
  );
  return (
    <DataTable
      id={`shares-${props.part}`}
      caption={`Shares of bills in the part ${props.part}`}
      columns={columns}
      rows={props.shares}
      rowKey={shareKey}
      defaultSort="-cost"
      empty="No share of a bill."
    />
  );
}

type Line = Share['lines'][number];

const LINE_COLUMNS: readonly TableColumn<Line>[] = [
  { id: 'line', label: 'Line', value: (row) => row.line },
  { id: 'description', label: 'Description', align: 'left', wide: true, value: (row) => row.description },
  { id: 'resource', label: 'Resource', align: 'left', value: (row) => row.resource },
  { id: 'amount', label: 'Amount', value: (row) => Number(row.amount), cell: (row) => `${row.amount} ${row.currency}` },
];

function ShareDetail(props: { share: Share; currency: string; query: URLSearchParams }) {
  const { share, currency, query } = props;
  const detail = useRef<HTMLElement>(null);
  // It stands below a table that may be longer than the screen.
  useEffect(() => detail.current?.scrollIntoView({ block: 'nearest' }), [shareKey(share)]);
  const bill = new URLSearchParams([...query].filter(([name]) => ['month', 'from', 'to'].includes(name)));
  const isCut = share.lines.length < share.line_count;
  return (
    <section ref={detail} class="unfolded card" aria-label="How this share came about" data-testid="share-detail">
      <h3>
        {formatAmount(share.cost_micro, currency)} of {share.service === '' ? share.provider : share.service}
      </h3>
      <p class="formula" data-testid="formula">
        {share.formula}
      </p>
      <dl class="facts">
        <dt>Rule</dt>
        <dd>
          {share.rule} <span class="muted">of version {share.rules_version}</span>
        </dd>
        <dt>Charged for</dt>
        <dd>
          {dayName(Date.parse(share.from))} to {dayName(Date.parse(share.to) - 1)}, counted on{' '}
          {dayName(Date.parse(share.booked))} (UTC)
        </dd>
        <dt>Shared out</dt>
        <dd>
          {exactAmount(share.group_micro, currency)}
          {share.idle_micro !== 0 && `, of which ${exactAmount(share.idle_micro, currency)} idle`}
        </dd>
        {share.usage.map((basis) => (
          <Usage key={basis.key} basis={basis} />
        ))}
        <dt>Bill</dt>
        <dd>
          <Link href={withQuery('/bills', bill)}>{share.bill_id}</Link>
        </dd>
      </dl>
      {isCut && (
        <p class="muted small">
          The first {formatCount(share.lines.length)} of {formatCount(share.line_count)} lines.
        </p>
      )}
      <DataTable
        id="bill-lines"
        caption="Lines of the bill"
        columns={LINE_COLUMNS}
        rows={share.lines}
        rowKey={(line) => String(line.line)}
        empty="The lines of this share are not kept."
      />
    </section>
  );
}

function Usage(props: { basis: Share['usage'][number] }) {
  const { key, tenant, total, weight } = props.basis;
  const share = Number(total) > 0 ? ` = ${((Number(tenant) / Number(total)) * 100).toFixed(2)}%` : '';
  return (
    <>
      <dt>{key}</dt>
      <dd>
        {BigInt(tenant).toLocaleString('en-US')} of {BigInt(total).toLocaleString('en-US')}
        {share}
        {weight !== 1 && `, weight ${weight}`}
      </dd>
    </>
  );
}
