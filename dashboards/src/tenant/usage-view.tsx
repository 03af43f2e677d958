import type { MeterItem } from '../../../src/api/meters-contract.ts';
import type { QuotaItem } from '../../../src/api/quotas-contract.ts';
import type { UsageList } from '../../../src/api/usage-contract.ts';
import { EMBED_VIEWS, type EmbedView } from '../../../src/domain/embed.ts';
import { listDegradations, listThrottles, serverNow } from '../shared/api-client.ts';
import { formatBytes } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { navigate, useAddress } from '../shared/navigation.tsx';
import { usePreferences } from '../shared/preferences.ts';
import { withQuery } from '../shared/router.ts';
import { formatSpan, timeText } from '../shared/time-format.ts';
import type { RangeWindow } from '../shared/time-range.ts';
import { type Live, useLive } from '../shared/use-live.ts';
import { Tile } from '../sre/tiles.tsx';
import { DayBars } from './day-bars.tsx';
import { Downloads } from './downloads.tsx';
import { LimitsSection } from './limits-section.tsx';
import { PerformanceSection } from './performance-section.tsx';
import { QuotaCards } from './quota-cards.tsx';
import { SpendSection } from './spend-section.tsx';
import { dailyUsage, listCaps, listMeters, listQuotas, storedNow } from './usage-api.ts';
import { billingPeriod, daysOf, elapsed, isUnused, type Measure, measuresOf, totalOf } from './usage-model.ts';
import '../styles/usage.css';

const INTERVAL_MS = 30_000;
const LIMITS_INTERVAL_MS = 10_000;
/** What one question to `/v1/usage` may name; the rest of very many meters is in the exports. */
const MOST_METRICS = 64;

export interface UsageData {
  readonly now: number;
  readonly period: RangeWindow;
  readonly quotas: readonly QuotaItem[];
  /** undefined: not for this reader. */
  readonly usage: UsageList | undefined;
  readonly measures: readonly Measure[];
  /** null: nothing was measured. */
  readonly storedBytes: number | null;
}

async function loadUsage(tenantId: string, views: readonly EmbedView[], signal: AbortSignal): Promise<UsageData> {
  const now = serverNow();
  const shows = (view: EmbedView) => views.includes(view);
  const [quotas, meters] = await Promise.all([
    shows('quotas') ? listQuotas(tenantId, signal) : { items: [] as QuotaItem[] },
    shows('usage') ? listMeters(signal) : { items: [] as MeterItem[] },
  ]);
  const period = billingPeriod(quotas.items, now);
  const measures = measuresOf(meters.items);
  const window = elapsed(period, now);
  const metrics = [...new Set(measures.flatMap((measure) => measure.metrics))].slice(0, MOST_METRICS);
  const [usage, stored] = shows('usage')
    ? await Promise.all([dailyUsage(tenantId, window, metrics, signal), storedNow(tenantId, window, signal)])
    : [];
  const storedBytes = (stored?.items ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    ...{ now, period, quotas: quotas.items, usage, measures },
    storedBytes: stored === undefined || stored.items.length === 0 ? null : storedBytes,
  };
}

export function useUsage(tenantId: string, views: readonly EmbedView[] = EMBED_VIEWS): Live<UsageData> {
  return useLive(
    `usage ${tenantId} ${views.join()}`,
    (signal) => loadUsage(tenantId, views, signal),
    tenantId === '' ? null : INTERVAL_MS,
  );
}

/** Everything about one tenant's own use; the same for the tenant, for staff who look as the tenant does, and in frames. */
export function UsageView(props: {
  tenantId: string;
  views?: readonly EmbedView[];
  live: Live<UsageData>;
  downloads: boolean;
}) {
  const { tenantId, views = EMBED_VIEWS, live } = props;
  const { zone } = usePreferences();
  const shows = (view: EmbedView) => views.includes(view);
  const limits = useLive(
    `limits ${tenantId} ${shows('limits')}`,
    async (signal) => (shows('limits') ? listThrottles({ tenantId, activeOnly: true }, signal) : []),
    LIMITS_INTERVAL_MS,
  );
  // What a cap takes is told with the cap, where caps are shown.
  const taken = useLive(
    `taken ${tenantId} ${shows('limits')} ${shows('spend')}`,
    async (signal) => {
      const all = shows('limits') ? await listDegradations(tenantId, signal) : [];
      return all.filter(({ automatic }) => !automatic || !shows('spend'));
    },
    LIMITS_INTERVAL_MS,
  );
  const caps = useLive(
    `caps ${tenantId} ${shows('spend')}`,
    async (signal) => (shows('spend') ? (await listCaps(tenantId, signal)).items : []),
    INTERVAL_MS,
  );
  return (
    <>
      <LimitsSection throttles={limits.data ?? []} degradations={taken.data ?? []} zone={zone} />
      <NotKnown what="Limits in force" live={limits} />
      <NotKnown what="Limits of AI" live={taken} />
      <Loaded live={live}>
        {(data) => (
          <>
            <Figures data={data} />
            <NotKnown what="AI spend" live={caps} />
            <SpendSection caps={caps.data ?? []} zone={zone} />
            {shows('performance') && <PerformanceSection tenantId={tenantId} zone={zone} />}
            {props.downloads && <Downloads tenantId={tenantId} window={elapsed(data.period, data.now)} />}
          </>
        )}
      </Loaded>
    </>
  );
}

/** A part that could not be asked for: said, because its absence would claim that there is nothing. */
function NotKnown(props: { what: string; live: Live<unknown> }) {
  const { data, error } = props.live;
  if (error === undefined || data !== undefined) return null;
  return (
    <p class="bad-text" role="status">
      {props.what} could not be loaded: {error.message}
    </p>
  );
}

function Figures({ data }: { data: UsageData }) {
  const { zone } = usePreferences();
  const { quotas, usage, measures } = data;
  const isEmpty = usage !== undefined && isUnused(usage, measures, quotas);
  return (
    <>
      {isEmpty && (
        <section class="card calm" data-testid="no-usage">
          <h2>No usage yet</h2>
          <p class="muted">Nothing has been counted in this period. The first request shows here within a minute.</p>
        </section>
      )}
      {quotas.length > 0 && (
        <section class="usage-section" aria-labelledby="plan-title">
          <h2 id="plan-title">What your plan includes</h2>
          <QuotaCards quotas={quotas} zone={zone} />
        </section>
      )}
      {usage !== undefined && !isEmpty && <ByDay data={data} usage={usage} />}
    </>
  );
}

/** Measures that say something: those of the tenant's own use, and requests always. */
function ByDay({ data, usage }: { data: UsageData; usage: UsageList }) {
  const { path, query } = useAddress();
  const shown = data.measures.filter((measure, index) => index === 0 || totalOf(usage, measure));
  const chosen = shown.find(({ id }) => id === query.get('measure')) ?? shown[0];
  if (chosen === undefined) return null;
  const choose = (id: string) => {
    const next = new URLSearchParams(query);
    if (id === shown[0]?.id) next.delete('measure');
    else next.set('measure', id);
    navigate(withQuery(path, next), { replace: true });
  };
  return (
    <section class="usage-section" aria-labelledby="days-title">
      <h2 id="days-title">Day by day</h2>
      <dl class="tiles measure-tiles">
        {shown.map((measure) => (
          <Tile
            key={measure.id}
            label={measure.label}
            value={measure.format(totalOf(usage, measure))}
            testId={`total-${measure.id}`}
          />
        ))}
        {data.storedBytes !== null && <StoredTile bytes={data.storedBytes} />}
      </dl>
      <fieldset class="segmented small measure-choice">
        <legend class="visually-hidden">What the bars show</legend>
        {shown.map((measure) => (
          <button
            key={measure.id}
            type="button"
            class="segment"
            aria-pressed={measure.id === chosen.id}
            onClick={() => choose(measure.id)}
          >
            {measure.label}
          </button>
        ))}
      </fieldset>
      <DayBars measure={chosen} days={daysOf(usage, chosen, data.period, data.now)} total={totalOf(usage, chosen)} />
    </section>
  );
}

function StoredTile({ bytes }: { bytes: number }) {
  return <Tile label="Stored now" value={formatBytes(bytes)} testId="total-stored" />;
}

/** `1 Nov 00:00 – 1 Dec 00:00`, and when it begins anew. */
export function PeriodLine({ data }: { data: UsageData }) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const plan = data.quotas[0]?.plan;
  return (
    <p class="period" data-testid="period">
      {plan !== undefined && <span class="badge">{plan}</span>}
      <span>
        {clock.dateMinute(data.period.from)} – {clock.dateMinute(data.period.to)}
      </span>
      <span class="muted">starts again in {formatSpan(data.period.to - data.now)}</span>
    </p>
  );
}
