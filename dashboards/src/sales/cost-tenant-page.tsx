import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { CostList, MarginAnswerBody } from '../../../src/api/contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { formatCount, NO_VALUE } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { formatAmount } from '../shared/money.ts';
import { Link } from '../shared/navigation.tsx';
import { isFor, type PageProps, SALES_ROLES } from '../shared/page.ts';
import { tenantHref, withQuery } from '../shared/router.ts';
import { Notice } from '../shared/states.tsx';
import { useLive } from '../shared/use-live.ts';
import { Tile } from '../sre/tiles.tsx';
import '../styles/costs.css';
import '../styles/cost-tenant.css';
import { AiModels, Corrections } from './cost-ai.tsx';
import { findProfile, getCosts, getForecast, getMargins } from './cost-api.ts';
import { MonthPicker } from './cost-month-picker.tsx';
import { MonthColumns, type MonthCosts, monthOf } from './cost-months.tsx';
import { PartsLegend } from './cost-parts-bar.tsx';
import { PartsTable } from './cost-parts-table.tsx';
import { ProfileDialog } from './cost-profile-form.tsx';
import {
  type CostRange,
  costRangeOf,
  monthName,
  monthRange,
  monthShort,
  neighbourMonth,
  rangeName,
} from './cost-range.ts';
import { RevenueLines } from './cost-revenue.tsx';
import { gapText, partColours, partTotals } from './cost-rows.ts';
import { ForecastTile } from './forecast-tile.tsx';
import { percentText } from './money-sum.ts';

const MONTHS = 6;

/** Why one tenant costs what it costs, and what is left of what it pays. */
export function TenantCostPage({ params, query, who }: PageProps) {
  const tenantId = params['tenant_id'] ?? '';
  const now = serverNow();
  const range = costRangeOf(query, now);
  const isSales = isFor(who, SALES_ROLES);
  const currency = query.get('currency') ?? undefined;
  const costs = useLive(
    `costs ${tenantId} ${JSON.stringify([range.window, currency])}`,
    (signal) => getCosts({ window: range.window, currency, tenantId }, signal),
    null,
  );
  return (
    <>
      <header class="page-head">
        <Title tenantId={tenantId} query={query} isSales={who !== undefined && isSales} />
        <div class="page-actions">
          <MonthPicker range={range} query={query} now={now} />
        </div>
      </header>
      <Loaded live={costs}>
        {(answer) => (
          <TenantCosts
            tenantId={tenantId}
            costs={answer}
            range={range}
            query={query}
            isSales={who !== undefined && isSales}
            now={now}
          />
        )}
      </Loaded>
    </>
  );
}

function Title(props: { tenantId: string; query: URLSearchParams; isSales: boolean }) {
  const { tenantId, query, isSales } = props;
  const [editing, setEditing] = useState(false);
  const profile = useLive(`profile ${tenantId}`, (signal) => findProfile(tenantId, signal), null);
  const { plan, segment, owner, display_name: name, tags = [] } = profile.data ?? {};
  const back = new URLSearchParams([...query].filter(([key]) => ['month', 'from', 'to', 'currency'].includes(key)));
  const facts = [plan && `Plan ${plan}`, segment, owner && `looked after by ${owner}`, ...tags].filter(Boolean);
  return (
    <div class="tenant-title">
      <nav aria-label="Back">
        <Link href={withQuery('/costs', back)}>Cost and margin</Link>
      </nav>
      <h1>
        {tenantId} {name && <span class="muted">{name}</span>}
      </h1>
      <p class="tenant-facts muted">
        <span data-testid="profile">
          {facts.length === 0 ? 'No plan, segment or owner is known' : facts.join(' · ')}
        </span>
        {isSales && (
          <button
            type="button"
            class="button quiet small"
            disabled={profile.answeredAt === undefined}
            onClick={() => setEditing(true)}
          >
            Edit
          </button>
        )}
        <Link href={tenantHref(tenantId, new URLSearchParams())}>Performance</Link>
      </p>
      {editing && (
        <ProfileDialog
          tenantId={tenantId}
          profile={profile.data}
          onClose={() => setEditing(false)}
          onSaved={() => {
            setEditing(false);
            profile.refresh();
          }}
        />
      )}
    </div>
  );
}

interface TenantCostsProps {
  tenantId: string;
  costs: CostList;
  range: CostRange;
  query: URLSearchParams;
  isSales: boolean;
  now: number;
}

/** The months up to that of the range, oldest first, each asked by itself: they come as they are ready. */
function useMonths({ tenantId, costs, range, now }: TenantCostsProps) {
  const question = `months ${tenantId} ${costs.currency} ${range.month}`;
  const load = async (signal: AbortSignal): Promise<MonthCosts[]> => {
    const names = [range.month];
    while (names.length < MONTHS) names.unshift(neighbourMonth(names[0] ?? range.month, -1));
    const ask = async (month: string) => {
      const { window } = monthRange(month, now);
      return { month, costs: await getCosts({ window, currency: costs.currency, tenantId }, signal) };
    };
    return Promise.all(names.map(ask));
  };
  return useLive(question, load, null);
}

function TenantCosts(props: TenantCostsProps) {
  const { tenantId, costs, range, query, isSales } = props;
  const months = useMonths(props);
  const item = costs.items[0];
  const all = months.data ?? [];
  const colours = useMemo(
    () => partColours(partTotals([...(item === undefined ? [] : [item]), ...all.flatMap((one) => monthOf(one) ?? [])])),
    [item, months.data],
  );
  const before = all.at(-2);
  const known = item ?? monthOf({ month: range.month, costs });
  return (
    <>
      <TenantTiles {...props} />
      {costs.other_currencies.length > 0 && (
        <p class="warn-text small">
          Other bills of these days are in {costs.other_currencies.join(', ')} and not in these figures: currencies are
          never added up.
        </p>
      )}
      {known === null ? (
        <Notice title={`Nothing is known of ${rangeName(range)}`} testId="no-costs">
          <p>No bill covers these days and no AI call of this tenant was priced. This is not a cost of 0.</p>
        </Notice>
      ) : (
        <Section title={`What ${formatAmount(known.cost_micro, costs.currency)} is made of`}>
          <PartsTable
            tenantId={tenantId}
            item={known}
            before={before === undefined ? null : monthOf(before)}
            beforeLabel={range.kind === 'month' && before !== undefined ? monthShort(before.month) : undefined}
            window={range.window}
            currency={costs.currency}
            colours={colours}
            query={query}
          />
        </Section>
      )}
      <Section title="Month by month">
        <Loaded live={months}>
          {(loaded) => (
            <>
              <MonthColumns
                months={loaded}
                colours={colours}
                current={range.kind === 'month' ? range.month : ''}
                currency={costs.currency}
                query={query}
                now={props.now}
              />
              <PartsLegend
                totals={partTotals(loaded.flatMap((one) => monthOf(one) ?? []))}
                colours={colours}
                currency={costs.currency}
              />
            </>
          )}
        </Loaded>
      </Section>
      {isSales && (
        <>
          <Section title="AI by model">
            <AiModels
              tenantId={tenantId}
              window={range.window}
              estimatedMicro={item?.estimated_micro ?? 0}
              query={query}
            />
            {range.kind === 'month' && <Corrections tenantId={tenantId} range={range} />}
          </Section>
          <Section title="Revenue">
            <RevenueLines tenantId={tenantId} window={range.window} />
          </Section>
        </>
      )}
    </>
  );
}

function Section(props: { title: string; children: ComponentChildren }) {
  return (
    <section class="cost-section" aria-label={props.title}>
      <h2>{props.title}</h2>
      {props.children}
    </section>
  );
}

function TenantTiles({ tenantId, costs, range, isSales }: TenantCostsProps) {
  const { currency } = costs;
  const item = costs.items[0];
  const margins = useLive(
    `margin ${isSales} ${tenantId} ${JSON.stringify(range.window)}`,
    async (signal) => (isSales ? getMargins({ window: range.window, groupBy: 'tenant', tenantId }, signal) : undefined),
    null,
  );
  const isForecast = isSales && range.kind === 'month' && range.isToDate;
  const forecast = useLive(
    `forecast ${isForecast} ${tenantId}`,
    async (signal) => (isForecast ? getForecast({ of: 'cost', tenantId }, signal) : undefined),
    null,
  );
  const unpriced = item?.unpriced_calls ?? 0;
  const isUnknown = monthOf({ month: range.month, costs }) === null || (unpriced > 0 && item?.cost_micro === 0);
  const estimated = item?.estimated_micro ?? 0;
  const estimatedText =
    estimated === 0 ? 'all of it billed' : `${formatAmount(estimated, currency)} of it at book prices`;
  return (
    <dl class="tiles">
      <Tile
        label={`Cost, ${rangeName(range)}`}
        value={isUnknown ? 'unknown' : formatAmount(item?.cost_micro ?? 0, currency)}
        sub={
          unpriced > 0 ? `${formatCount(unpriced)} AI calls without a price not in it` : isUnknown ? '' : estimatedText
        }
        {...(unpriced > 0 ? { tone: 'warn' as const } : {})}
        testId="tenant-cost"
      />
      {isSales && <TenantMargin answer={margins.data} error={margins.error?.message} currency={currency} />}
      {isForecast && (
        <ForecastTile label={`Cost expected, ${monthName(range.month)}`} live={forecast} testId="tenant-forecast" />
      )}
    </dl>
  );
}

function TenantMargin(props: { answer: MarginAnswerBody | undefined; error: string | undefined; currency: string }) {
  const { answer, currency } = props;
  const margin = answer?.currency === currency ? answer.tenants[0] : undefined;
  const missing = answer === undefined ? (props.error ?? 'Loading …') : 'Nothing is known of what this tenant pays';
  const why = margin?.gap == null ? (margin === undefined ? missing : '') : gapText(margin.gap);
  const text = (micro: number | string | null | undefined) =>
    micro == null ? (answer === undefined ? NO_VALUE : 'unknown') : formatAmount(micro, currency);
  const percent = margin?.margin_percent ?? null;
  return (
    <>
      <Tile
        label="Revenue"
        value={text(margin?.revenue_micro)}
        sub={margin?.revenue_micro == null ? why : 'recognised in these days'}
        testId="tenant-revenue"
      />
      <Tile
        label="Margin"
        value={
          <>
            {text(margin?.margin_micro)}{' '}
            {percent !== null && <span class="muted tile-aside">{percentText(percent)}</span>}
          </>
        }
        sub={margin?.margin_micro == null ? why : 'revenue less cost'}
        {...(Number(margin?.margin_micro ?? 0) < 0 ? { tone: 'bad' as const } : {})}
        testId="tenant-margin"
      />
    </>
  );
}
