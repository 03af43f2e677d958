import { useMemo, useState } from 'preact/hooks';
import type { CostList } from '../../../src/api/contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { formatCount, NO_VALUE } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { formatAmount } from '../shared/money.ts';
import { isFor, type PageProps, SALES_ROLES } from '../shared/page.ts';
import { Notice } from '../shared/states.tsx';
import { Tabs } from '../shared/tabs.tsx';
import { useLive } from '../shared/use-live.ts';
import { Tile } from '../sre/tiles.tsx';
import '../styles/costs.css';
import { getCosts, getForecast, getMargins, getTrend, getUnpriced, listProfiles } from './cost-api.ts';
import { ExportMenu } from './cost-export-menu.tsx';
import { CostFilters } from './cost-filters.tsx';
import { IdentityBar } from './cost-identity-bar.tsx';
import { MonthPicker } from './cost-month-picker.tsx';
import { PartsLegend } from './cost-parts-bar.tsx';
import { ProfileImportDialog } from './cost-profile-import.tsx';
import { type CostRange, costRangeOf, rangeName } from './cost-range.ts';
import {
  type CostTotals,
  costRows,
  filterOf,
  filterRows,
  isFiltered,
  partColours,
  partTotals,
  totalsOf,
} from './cost-rows.ts';
import { CostStrip } from './cost-strip.tsx';
import { CostTable } from './cost-table.tsx';
import { ForecastTile } from './forecast-tile.tsx';
import { COST_TABS } from './margin-tabs.ts';
import { percentText } from './money-sum.ts';

const TREND_MONTHS = 6;

/** What every tenant costs, pays and leaves, and how that adds up to the bill. */
export function CostPage({ query, who }: PageProps) {
  const now = serverNow();
  const range = costRangeOf(query, now);
  const isSales = isFor(who, SALES_ROLES);
  const [importing, setImporting] = useState(false);
  const live = useCosts(range, query.get('currency') ?? undefined, who === undefined ? undefined : isSales);
  return (
    <>
      <header class="page-head">
        <h1>Cost and margin</h1>
        <div class="page-actions">
          <MonthPicker range={range} query={query} now={now} />
          {isSales && (
            <>
              <button type="button" class="button" onClick={() => setImporting(true)}>
                Import segments and owners
              </button>
              <ExportMenu window={range.window} currency={query.get('currency') ?? undefined} />
            </>
          )}
        </div>
      </header>
      {isSales && <Tabs label="Cost and margin" pages={COST_TABS} current="/costs" query={query} />}
      <Loaded live={live.costs}>
        {(costs) => <Costs costs={costs} range={range} query={query} live={live} isSales={isSales} />}
      </Loaded>
      {importing && (
        <ProfileImportDialog
          onClose={() => setImporting(false)}
          onImported={() => {
            setImporting(false);
            live.profiles.refresh();
          }}
        />
      )}
    </>
  );
}

/** `isSales` undefined: it is not known yet who asks, and nothing that might be refused is asked for. */
function useCosts(range: CostRange, currency: string | undefined, isSales: boolean | undefined) {
  const { window } = range;
  const key = JSON.stringify([window, currency]);
  const asSales = isSales === true;
  const costs = useLive(`costs ${key}`, (signal) => getCosts({ window, currency }, signal), null);
  const profiles = useLive(`profiles ${isSales !== undefined}`, listProfiles, null);
  const trendOf = { until: range.month, months: TREND_MONTHS, currency: costs.data?.currency };
  const trend = useLive(
    `trend ${JSON.stringify(trendOf)}`,
    async (signal) => (trendOf.currency === undefined ? undefined : getTrend(trendOf, signal)),
    null,
  );
  const margins = useLive(
    `margins ${asSales} ${key}`,
    async (signal) => (asSales ? getMargins({ window, groupBy: 'tenant' }, signal) : undefined),
    null,
  );
  const unpriced = useLive(
    `unpriced ${asSales} ${key}`,
    async (signal) => (asSales ? getUnpriced(window, signal) : undefined),
    null,
  );
  const isForecast = asSales && range.kind === 'month' && range.isToDate;
  const forecast = useLive(
    `forecast ${isForecast}`,
    async (signal) => (isForecast ? getForecast({ of: 'cost' }, signal) : undefined),
    null,
  );
  return { costs, profiles, trend, margins, unpriced, forecast, isForecast };
}

function Costs(props: {
  costs: CostList;
  range: CostRange;
  query: URLSearchParams;
  live: ReturnType<typeof useCosts>;
  isSales: boolean;
}) {
  const { costs, range, query, live } = props;
  const margins = live.margins.data;
  const profiles = live.profiles.data ?? [];
  const all = useMemo(() => costRows({ costs, margins, profiles }), [costs, margins, profiles]);
  const filter = filterOf(query);
  const rows = useMemo(() => filterRows(all, filter), [all, JSON.stringify(filter)]);
  const parts = useMemo(() => partTotals(all), [all]);
  const colours = useMemo(() => partColours(parts), [parts]);
  const shownParts = useMemo(() => partTotals(rows), [rows]);
  if (all.length === 0 && costs.bill_micro === 0) return <NoCosts range={range} />;
  return (
    <>
      <CostStrip costs={costs} unpriced={live.unpriced.data} query={query} />
      <IdentityBar costs={costs} />
      <Totals totals={totalsOf(rows)} {...props} isFiltered={isFiltered(filter)} />
      <CostFilters query={query} rows={all} shown={rows.length} />
      <PartsLegend totals={shownParts} colours={colours} currency={costs.currency} />
      <CostTable
        rows={rows}
        currency={costs.currency}
        colours={colours}
        trend={live.trend.data}
        withRevenue={props.isSales}
        query={query}
        pending={live.costs.pending}
      />
    </>
  );
}

function Totals(props: {
  totals: CostTotals;
  costs: CostList;
  range: CostRange;
  live: ReturnType<typeof useCosts>;
  isSales: boolean;
  isFiltered: boolean;
}) {
  const { totals, live, isSales } = props;
  const { currency } = props.costs;
  const of = `${formatCount(totals.tenants)} ${totals.tenants === 1 ? 'tenant' : 'tenants'}${props.isFiltered ? ' that fit' : ''}`;
  const unpriced = totals.unpricedCalls === 0 ? '' : `, ${formatCount(totals.unpricedCalls)} unpriced calls not in it`;
  return (
    <dl class="tiles" data-testid="cost-totals">
      <Tile
        label={`Cost, ${rangeName(props.range)}`}
        value={formatAmount(totals.costMicro, currency)}
        sub={`of ${of}${unpriced}`}
        {...(totals.unpricedCalls > 0 ? { tone: 'warn' as const } : {})}
        testId="total-cost"
      />
      {isSales && <MarginTiles totals={totals} currency={currency} state={live.margins} />}
      {live.isForecast && (
        <ForecastTile label="Bill expected this month" live={live.forecast} testId="total-forecast" />
      )}
    </dl>
  );
}

function MarginTiles(props: { totals: CostTotals; currency: string; state: ReturnType<typeof useCosts>['margins'] }) {
  const { totals, currency, state } = props;
  const { margin, unknownMargins } = totals;
  if (state.data === undefined || margin === null) {
    const other = state.data !== undefined && state.data.currency !== currency;
    const known = other ? `known in ${state.data?.currency} only` : 'not known of these tenants';
    const sub = state.data === undefined ? (state.error?.message ?? 'Loading …') : known;
    const value = state.data === undefined ? NO_VALUE : 'unknown';
    return (
      <>
        <Tile label="Revenue" value={value} sub={sub} testId="total-revenue" />
        <Tile label="Margin" value={value} sub={sub} testId="total-margin" />
      </>
    );
  }
  const known = totals.tenants - unknownMargins;
  const sub = unknownMargins === 0 ? 'of all of them' : `of the ${formatCount(known)} whose margin is known`;
  return (
    <>
      <Tile label="Revenue" value={formatAmount(margin.revenueMicro, currency)} sub={sub} testId="total-revenue" />
      <Tile
        label="Margin"
        value={
          <>
            {formatAmount(margin.marginMicro, currency)}{' '}
            {margin.percent !== null && <span class="muted tile-aside">{percentText(margin.percent)}</span>}
          </>
        }
        sub={`${sub}, whose cost is ${formatAmount(margin.costMicro, currency)}`}
        {...(Number(margin.marginMicro) < 0 ? { tone: 'bad' as const } : {})}
        testId="total-margin"
      />
    </>
  );
}

function NoCosts(props: { range: CostRange }) {
  return (
    <Notice title={`Nothing is known of ${rangeName(props.range)}`} testId="no-costs">
      <p>
        No bill covers these days and no AI call was priced. This is not a cost of 0. Import a bill under Bills, or with{' '}
        <code>tenantry bill import &lt;file&gt;</code>; choose another month above if there is one.
      </p>
    </Notice>
  );
}
