import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { AnomalyItem, TenantFigures, ThrottleItem } from '../../../src/api/contract.ts';
import { isReservedTenant } from '../../../src/domain/tenant-id.ts';
import { listAnomalies, listBreakers, listTenants, listThrottles, serverNow } from '../shared/api-client.ts';
import type { Mark } from '../shared/chart-options.ts';
import { Link, navigate } from '../shared/navigation.tsx';
import { isFor, OPERATOR_ROLES, type PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { RangePicker } from '../shared/range-picker.tsx';
import { tenantsHref, withQuery } from '../shared/router.ts';
import { ErrorState, Notice, NotUpdating } from '../shared/states.tsx';
import { freshness, freshnessText, timeText } from '../shared/time-format.ts';
import { type RangeWindow, rangeFromQuery, rangeFromSelection, windowOf, withRange } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { useNow } from '../shared/use-now.ts';
import { useThemeKey } from '../shared/use-theme-key.ts';
import { AnomalyList } from './anomaly-list.tsx';
import { BreakerList } from './breaker-list.tsx';
import { ResourceSection } from './resource-charts.tsx';
import { TenantFiguresRow } from './tenant-figures.tsx';
import { recentRate } from './throttle-draft.ts';
import { ThrottleForm } from './throttle-form.tsx';
import { ActiveThrottles, ThrottleHistory } from './throttle-list.tsx';
import { LatencySection, TrafficSection } from './traffic-charts.tsx';
import { CacheAndAiSection, DatabaseSection } from './usage-charts.tsx';

const INTERVAL_MS = 5_000;
const LOOKUP_PAGE = 200;
/** One tenant's row is found by searching its id; so many pages of ids that contain it are looked through. */
const LOOKUP_PAGES = 5;

interface Found {
  readonly figures: TenantFigures | undefined;
  readonly sparkStepSeconds: number;
  readonly dataUntil: number | null;
}

async function findTenant(tenantId: string, window: RangeWindow, signal: AbortSignal): Promise<Found> {
  let cursor: string | undefined;
  for (let page = 1; ; page += 1) {
    const query = { window, sort: 'tenant_id', order: 'asc', search: tenantId, limit: LOOKUP_PAGE, cursor } as const;
    const list = await listTenants(query, signal);
    const figures = list.items.find((item) => item.tenant_id === tenantId);
    if (figures || list.next_cursor === null || page === LOOKUP_PAGES) {
      return { figures, sparkStepSeconds: list.spark_step_seconds, dataUntil: list.data_until };
    }
    cursor = list.next_cursor;
  }
}

function marksOf(throttles: readonly ThrottleItem[], anomalies: readonly AnomalyItem[]): Mark[] {
  const held = throttles.map((throttle) => ({
    from: Date.parse(throttle.created_at),
    to: Date.parse(throttle.ended_at ?? throttle.expires_at),
    kind: throttle.mode,
  }));
  const found = anomalies.map((anomaly) => ({
    from: Date.parse(anomaly.started_at),
    to: anomaly.ended_at === null ? Number.MAX_SAFE_INTEGER : Date.parse(anomaly.ended_at),
    kind: 'anomaly' as const,
  }));
  return [...found, ...held];
}

function useTenant(tenantId: string, query: URLSearchParams) {
  const range = rangeFromQuery(query);
  const interval = range.kind === 'last' ? INTERVAL_MS : null;
  const key = JSON.stringify([tenantId, range]);
  const found = useLive(key, (signal) => findTenant(tenantId, windowOf(range, serverNow()), signal), interval);
  // Spans without a tenant are nobody's: they can be neither throttled nor out of line.
  const isTenant = !isReservedTenant(tenantId);
  const throttles = useLive(
    tenantId,
    async (signal) => (isTenant ? await listThrottles({ tenantId }, signal) : []),
    INTERVAL_MS,
  );
  const anomalies = useLive(
    key,
    async (signal) => (isTenant ? await listAnomalies({ tenantId, window: windowOf(range, serverNow()) }, signal) : []),
    INTERVAL_MS,
  );
  const breakers = useLive(
    tenantId,
    async (signal) => (isTenant ? await listBreakers(tenantId, signal) : []),
    INTERVAL_MS,
  );
  return { range, found, throttles, anomalies, breakers, isTenant };
}

export function TenantPage(props: PageProps) {
  const { query, who } = props;
  const tenantId = props.params['tenant_id'] ?? '';
  const { zone } = usePreferences();
  const { range, found, throttles, anomalies, breakers, isTenant } = useTenant(tenantId, query);
  const [formOpen, setFormOpen] = useState(false);
  const mayThrottle = isFor(who, OPERATOR_ROLES) && isTenant;

  const figures = found.data?.figures;
  const head = (
    <header class="page-head tenant-head">
      <div class="tenant-title">
        <nav aria-label="Where you are">
          <Link href={tenantsHref(query)}>Tenants</Link>
        </nav>
        <h1 tabIndex={-1}>{tenantId}</h1>
        <p class="tenant-facts">
          {figures?.plan && <span class="badge">{figures.plan}</span>}
          {!isTenant && <span class="muted">spans that carried no tenant</span>}
          {found.data && range.kind === 'last' && <Fresh dataUntil={found.data.dataUntil} />}
        </p>
      </div>
      <div class="page-actions">
        <RangePicker range={range} query={query} zone={zone} />
        {mayThrottle && (
          <button
            type="button"
            class="button danger-quiet"
            data-testid="throttle-button"
            onClick={() => setFormOpen(true)}
          >
            Throttle …
          </button>
        )}
      </div>
    </header>
  );
  if (found.error && (found.data === undefined || found.error.status === 401)) {
    return (
      <>
        {head}
        <ErrorState error={found.error} onRetry={found.refresh} />
      </>
    );
  }
  return (
    <>
      {head}
      {found.error && found.answeredAt !== undefined && (
        <NotUpdating error={found.error} since={timeText(zone).time(found.answeredAt)} onRetry={found.refresh} />
      )}
      <ActiveThrottles
        throttles={throttles.data ?? []}
        zone={zone}
        mayLift={mayThrottle}
        onLifted={throttles.refresh}
      />
      {figures && <TenantFiguresRow figures={figures} />}
      {found.data && !figures && !found.pending && <Silent tenantId={tenantId} />}
      {figures && (
        <Charts tenantId={tenantId} query={query} throttles={throttles.data ?? []} anomalies={anomalies.data ?? []} />
      )}
      <div class="lists">
        <Listed what="Anomalies" live={anomalies}>
          {(items) => <AnomalyList anomalies={items} zone={zone} />}
        </Listed>
        <Listed what="Throttles" live={throttles}>
          {(items) => <ThrottleHistory throttles={items} zone={zone} />}
        </Listed>
        <Listed what="Circuit breakers" live={breakers}>
          {(items) => <BreakerList breakers={items} zone={zone} />}
        </Listed>
      </div>
      {formOpen && (
        <ThrottleForm
          tenantId={tenantId}
          currentRate={figures ? recentRate(figures.requests_spark, found.data?.sparkStepSeconds ?? 0) : null}
          zone={zone}
          onClose={() => setFormOpen(false)}
          onCreated={() => {
            setFormOpen(false);
            throttles.refresh();
          }}
        />
      )}
    </>
  );
}

function Fresh({ dataUntil }: { dataUntil: number | null }) {
  const now = useNow();
  const { zone } = usePreferences();
  const state = freshness(dataUntil, now);
  return (
    <span class={state.level === 'fresh' ? 'muted' : 'bad-text'} data-testid="freshness">
      {freshnessText(state, timeText(zone))}
    </span>
  );
}

function Silent({ tenantId }: { tenantId: string }) {
  return (
    <Notice title={`No data of ${tenantId} in this window`} testId="tenant-silent">
      <p>
        Either it sent nothing that long, or its spans do not arrive: missing data is not zero traffic. Choose a longer
        time range, or check the id.
      </p>
    </Notice>
  );
}

function Charts(props: {
  tenantId: string;
  query: URLSearchParams;
  throttles: readonly ThrottleItem[];
  anomalies: readonly AnomalyItem[];
}) {
  const { tenantId, query, throttles, anomalies } = props;
  const { zone } = usePreferences();
  const themeKey = useThemeKey();
  const marks = useMemo(() => marksOf(throttles, anomalies), [throttles, anomalies]);
  const onSelect = (from: number, to: number) =>
    navigate(withQuery(location.pathname, withRange(query, rangeFromSelection(from, to))));
  const section = { tenantId, range: rangeFromQuery(query), zone, themeKey, marks, onSelect };
  return (
    <>
      <MarkKey marks={marks} />
      <LatencySection {...section} />
      <TrafficSection {...section} />
      <DatabaseSection {...section} />
      <CacheAndAiSection {...section} />
      <ResourceSection {...section} />
    </>
  );
}

const MARK_NAMES: Record<Mark['kind'], string> = {
  enforce: 'throttled',
  shadow: 'shadow throttle',
  anomaly: 'anomaly',
};

/** What the shaded stretches in the charts mean; only those there are. */
function MarkKey({ marks }: { marks: readonly Mark[] }) {
  const kinds = [...new Set(marks.map(({ kind }) => kind))];
  if (kinds.length === 0) return null;
  return (
    <p class="mark-key">
      Shaded in the charts:
      {kinds.map((kind) => (
        <span key={kind}>
          <span class={`mark-swatch ${kind}`} /> {MARK_NAMES[kind]}
        </span>
      ))}
    </p>
  );
}

/** Shows the items, or in their place that they cannot be had: an empty list would claim that there are none. */
function Listed<Item>(props: {
  what: string;
  live: { data: readonly Item[] | undefined; error: Error | undefined };
  children: (items: readonly Item[]) => ComponentChildren;
}) {
  const { data, error } = props.live;
  if (data !== undefined) return <>{props.children(data)}</>;
  if (error === undefined) return null;
  return (
    <section class="card list">
      <h2>{props.what}</h2>
      <p class="bad-text">Not known: {error.message}</p>
    </section>
  );
}
