import type { ComponentChildren } from 'preact';
import type { MarginAnswerBody, RevenueAnswer } from '../../../src/api/contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { formatCount, NO_VALUE } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { formatAmount, type Micro } from '../shared/money.ts';
import { Link, navigate } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { withQuery } from '../shared/router.ts';
import { Notice } from '../shared/states.tsx';
import { Tabs } from '../shared/tabs.tsx';
import { useLive } from '../shared/use-live.ts';
import { Tile } from '../sre/tiles.tsx';
import '../styles/costs.css';
import '../styles/margins.css';
import { getFeatures, getMargins, getRevenue } from './cost-api.ts';
import { Amount, Checked } from './cost-checked.tsx';
import { ExportMenu } from './cost-export-menu.tsx';
import { MonthPicker } from './cost-month-picker.tsx';
import { costRangeOf, rangeName } from './cost-range.ts';
import { gapText } from './cost-rows.ts';
import { MrrBridge } from './margin-mrr.tsx';
import { COST_TABS } from './margin-tabs.ts';
import { percentText } from './money-sum.ts';

const MEASURES = [
  ['busy_ns', 'time spent on it'],
  ['requests', 'requests'],
  ['bytes', 'bytes sent'],
] as const;

/** What is left of the revenue after cost, by plan and by feature, and how recurring revenue moved. */
export function MarginPage({ query }: PageProps) {
  const now = serverNow();
  const range = costRangeOf(query, now);
  const { window } = range;
  const measure = MEASURES.find(([id]) => id === query.get('shared_by'))?.[0] ?? 'busy_ns';
  const key = JSON.stringify(window);
  const plans = useLive(`plans ${key}`, (signal) => getMargins({ window, groupBy: 'plan' }, signal), null);
  const features = useLive(
    `features ${measure} ${key}`,
    (signal) => getMargins({ window, groupBy: 'feature', measure }, signal),
    null,
  );
  const known = useLive('features', getFeatures, null);
  const revenue = useLive(`revenue ${key}`, (signal) => getRevenue({ window }, signal), null);
  return (
    <>
      <header class="page-head">
        <h1>Margin by plan and feature</h1>
        <div class="page-actions">
          <MonthPicker range={range} query={query} now={now} />
          <ExportMenu window={window} currency={undefined} />
        </div>
      </header>
      <Tabs label="Cost and margin" pages={COST_TABS} current="/margins" query={query} />
      <Loaded live={plans}>
        {(answer) => (
          <>
            <MarginTotals answer={answer} label={rangeName(range)} />
            <Section title="By plan">
              <PlanTable answer={answer} query={query} pending={plans.pending} />
            </Section>
          </>
        )}
      </Loaded>
      <Section title="By feature" aside={<MeasureChoice measure={measure} query={query} />}>
        <Loaded live={features}>
          {(answer) => (
            <FeatureTable answer={answer} defined={known.data?.items.length ?? null} pending={features.pending} />
          )}
        </Loaded>
      </Section>
      <Section title="Recurring revenue">
        <Loaded live={revenue}>{(answer) => <Movements answer={answer} label={rangeName(range)} />}</Loaded>
      </Section>
    </>
  );
}

function Section(props: { title: string; aside?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="cost-section" aria-label={props.title}>
      <div class="section-head">
        <h2>{props.title}</h2>
        {props.aside}
      </div>
      {props.children}
    </section>
  );
}

function MeasureChoice(props: { measure: string; query: URLSearchParams }) {
  return (
    <label class="month-picker small">
      Cost of each tenant shared over features by
      <select
        value={props.measure}
        onChange={(event) => {
          const next = new URLSearchParams(props.query);
          next.set('shared_by', event.currentTarget.value);
          navigate(withQuery(location.pathname, next), { replace: true });
        }}
      >
        {MEASURES.map(([id, label]) => (
          <option key={id} value={id}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

function MarginTotals(props: { answer: MarginAnswerBody; label: string }) {
  const { total, currency } = props.answer;
  const known = total.tenants - total.unknown_tenants;
  const money = (micro: Micro | null) => (micro === null ? 'unknown' : formatAmount(micro, currency));
  const percent = total.margin_percent === null ? '' : ` ${percentText(total.margin_percent)}`;
  const why = total.gap === null ? `of ${formatCount(known)} tenants` : gapText(total.gap);
  return (
    <dl class="tiles">
      <Tile label={`Revenue, ${props.label}`} value={money(total.revenue_micro)} sub={why} testId="margin-revenue" />
      <Tile label="Cost" value={money(total.cost_micro)} sub={why} testId="margin-cost" />
      <Tile
        label="Margin"
        value={
          <>
            {money(total.margin_micro)}
            <span class="muted tile-aside">{percent}</span>
          </>
        }
        sub={why}
        testId="margin-margin"
      />
      <Tile
        label="Margin not known"
        value={formatCount(total.unknown_tenants)}
        sub={
          total.unknown_tenants === 0
            ? 'every tenant is in the sums'
            : `cost ${money(total.unknown_cost_micro)}, pay ${money(total.unknown_revenue_micro)}: in no sum here`
        }
        {...(total.unknown_tenants > 0 ? { tone: 'warn' as const } : {})}
        testId="margin-unknown"
      />
    </dl>
  );
}

type PlanRow = MarginAnswerBody['plans'][number];
type FeatureRow = MarginAnswerBody['features'][number];
type Figures = Pick<PlanRow, 'revenue_micro' | 'cost_micro' | 'margin_micro' | 'margin_percent' | 'gap'>;

const units = (micro: Micro | null) => (micro === null ? null : Number(micro) / 1e6);

function moneyColumns<Row extends Figures>(currency: string): TableColumn<Row>[] {
  const column = (id: 'revenue' | 'cost' | 'margin', label: string): TableColumn<Row> => ({
    id,
    label,
    value: (row) => units(row[`${id}_micro`]),
    cell: (row) => (
      <Amount micro={row[`${id}_micro`]} currency={currency} why={row.gap === null ? undefined : gapText(row.gap)} />
    ),
  });
  return [
    column('revenue', `Revenue, ${currency}`),
    column('cost', 'Cost'),
    column('margin', 'Margin'),
    {
      id: 'margin_percent',
      label: 'Margin, %',
      wide: true,
      value: (row) => row.margin_percent,
      cell: (row) => (row.margin_percent === null ? NO_VALUE : percentText(row.margin_percent)),
    },
  ];
}

function PlanTable(props: { answer: MarginAnswerBody; query: URLSearchParams; pending: boolean }) {
  const { currency, plans, total } = props.answer;
  const columns: TableColumn<PlanRow>[] = [
    {
      id: 'plan',
      label: 'Plan',
      align: 'left',
      value: (row) => row.plan,
      cell: (row) => {
        const next = new URLSearchParams([...props.query].filter(([name]) => ['month', 'from', 'to'].includes(name)));
        next.set('plan', row.plan ?? '');
        return <Link href={withQuery('/costs', next)}>{row.plan ?? 'On no plan'}</Link>;
      },
    },
    { id: 'tenants', label: 'Tenants', value: (row) => row.tenants },
    ...moneyColumns<PlanRow>(currency),
    {
      id: 'unknown',
      label: 'Not known',
      about: 'Tenants whose margin is not known; they are in none of the sums',
      wide: true,
      value: (row) => row.unknown_tenants,
    },
  ];
  const known = plans.flatMap((plan) => plan.margin_micro ?? []);
  return (
    <>
      <DataTable
        id="plans"
        caption="Margin by plan"
        columns={columns}
        rows={plans}
        rowKey={(row) => `plan ${row.plan ?? ''}`}
        defaultSort="-margin"
        pending={props.pending}
        empty="No tenant had costs or revenue in these days."
      />
      {total.margin_micro !== null && (
        <Checked parts={known} total={total.margin_micro} currency={currency} testId="plans-checked" />
      )}
    </>
  );
}

function FeatureTable(props: { answer: MarginAnswerBody; defined: number | null; pending: boolean }) {
  const { currency, features } = props.answer;
  if (props.defined === 0) {
    return (
      <Notice title="No feature is named yet" testId="no-features">
        <p>
          Say which requests belong to which feature, and which plans pay for it, with{' '}
          <code>PUT /v1/margins/features</code>: a list of names with routes and plans. Costs are then shared over
          features by what each tenant used.
        </p>
      </Notice>
    );
  }
  const columns: TableColumn<FeatureRow>[] = [
    {
      id: 'feature',
      label: 'Feature',
      align: 'left',
      value: (row) => row.feature,
      cell: (row) => (row.feature === '(none)' ? <span class="muted">Of no feature</span> : row.feature),
    },
    ...moneyColumns<FeatureRow>(currency),
    {
      id: 'gap',
      label: 'Why not known',
      align: 'left',
      wide: true,
      value: (row) =>
        row.gap === null ? '' : row.gap === 'no_revenue' ? 'No plan is said to pay for it' : gapText(row.gap),
    },
  ];
  return (
    <DataTable
      id="features"
      caption="Margin by feature"
      columns={columns}
      rows={features}
      rowKey={(row) => row.feature}
      defaultSort="-cost"
      pending={props.pending}
      empty="No feature was used in these days."
    />
  );
}

function Movements(props: { answer: RevenueAnswer; label: string }) {
  const { movements, unmapped_customers: unmapped } = props.answer;
  return (
    <>
      {unmapped > 0 && (
        <p class="warn-text small" data-testid="unmapped">
          {formatCount(unmapped)} paying {unmapped === 1 ? 'customer is' : 'customers are'} no tenant yet: what they pay
          is in no figure here. <code>PUT /v1/revenue/customers/:customer_id</code> says who they are.
        </p>
      )}
      {movements.length === 0 && (
        <div class="card table-empty">
          No subscription is known in {props.label}. Import them with <code>tenantry revenue import</code>.
        </div>
      )}
      {movements.map((movement) => (
        <MrrBridge key={movement.currency} movement={movement} label={props.label} />
      ))}
    </>
  );
}
