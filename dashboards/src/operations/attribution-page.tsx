import type { AttributionBody, ServiceAttributionItem } from '../../../src/api/attribution-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { Chart } from '../shared/chart.tsx';
import { formatCount, formatPercent } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link, navigate } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { RangePicker } from '../shared/range-picker.tsx';
import { pageHref, withQuery } from '../shared/router.ts';
import { rangeText, timeText } from '../shared/time-format.ts';
import { rangeFromQuery, rangeFromSelection, windowOf, withRange } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { useThemeKey } from '../shared/use-theme-key.ts';
import { Tile } from '../sre/tiles.tsx';
import '../styles/charts.css';
import '../styles/telemetry.css';
import { attributionAdvice, attributionSnippet, LOW_SHARE, sourceText } from './attribution-text.ts';
import { IngestTabs } from './ingest-tabs.tsx';
import { Snippet } from './snippet.tsx';
import { attribution } from './telemetry-api.ts';

const REFRESH_MS = 30_000;

/** How much of each service's telemetry names its tenant, how it was found, and what to do where it was not. */
export function AttributionPage({ query, who }: PageProps) {
  const { zone } = usePreferences();
  const range = rangeFromQuery(query);
  const live = useLive(
    JSON.stringify(['attribution', range]),
    (signal) => attribution(windowOf(range, serverNow()), signal),
    REFRESH_MS,
  );
  return (
    <>
      <div class="page-head">
        <h1>Attribution</h1>
        <div class="page-actions">
          <RangePicker range={range} query={query} zone={zone} />
        </div>
      </div>
      <IngestTabs current="/attribution" query={query} who={who} />
      <Loaded live={live}>{(body) => <Services body={body} query={query} />}</Loaded>
    </>
  );
}

function Services({ body, query }: { body: AttributionBody; query: URLSearchParams }) {
  const { zone } = usePreferences();
  if (body.services.length === 0) {
    return (
      <p class="card table-empty">
        No span arrived in this time. Choose a longer one, or{' '}
        <Link href={pageHref('/setup', query)}>connect a service</Link>.
      </p>
    );
  }
  const low = body.services.filter(({ share }) => share < LOW_SHARE).length;
  const sample = { from: Date.parse(body.sample.from), to: Date.parse(body.sample.to) };
  return (
    <>
      <dl class="tiles">
        <Tile
          label="Spans with a tenant"
          value={formatPercent(body.share)}
          sub={`${formatCount(body.attributed)} of ${formatCount(body.spans)}`}
          {...(body.share !== null && body.share < LOW_SHARE ? { tone: 'warn' as const } : {})}
          testId="tile-attributed"
        />
        <Tile
          label="Adopted from their trace"
          value={formatCount(body.adopted)}
          sub={`${formatCount(body.waiting)} wait for one now`}
          testId="tile-adopted"
        />
        <Tile
          label="Without a tenant"
          value={formatCount(body.spans - body.attributed)}
          sub="in no customer’s figures"
        />
        <Tile
          label="Services below 90%"
          value={formatCount(low)}
          sub={`of ${formatCount(body.services.length)}`}
          {...(low > 0 ? { tone: 'warn' as const } : {})}
        />
      </dl>
      <p class="muted small">
        Those that lose most come first. How tenants were found is of {rangeText(sample, timeText(zone))}.
      </p>
      {body.services.map((item) => (
        <Service key={item.service} item={item} body={body} query={query} />
      ))}
    </>
  );
}

function Service(props: { item: ServiceAttributionItem; body: AttributionBody; query: URLSearchParams }) {
  const { item, body, query } = props;
  const { zone } = usePreferences();
  const themeKey = useThemeKey();
  const advice = attributionAdvice(item);
  const snippet = attributionSnippet(item);
  const found = item.sources.reduce((sum, { requests }) => sum + requests, 0);
  return (
    <section class="share card" aria-label={item.service} data-service={item.service}>
      <header class="share-head">
        <h2>{item.service}</h2>
        <strong data-testid="share">{formatPercent(item.share)}</strong>
        <span class="muted small">
          {formatCount(item.attributed)} of {formatCount(item.spans)} spans have a tenant
          {item.adopted > 0 && `, ${formatCount(item.adopted)} of them adopted from their trace`}
        </span>
      </header>
      <div class="share-bar" aria-hidden="true">
        <div class={`share-part${item.share < LOW_SHARE ? ' low' : ''}`} style={{ width: `${item.share * 100}%` }} />
      </div>
      <div class="share-facts">
        <div>
          <h3>How it was found</h3>
          {found === 0 ? (
            <p class="muted">No request in the sample</p>
          ) : (
            <dl class="pairs">
              {item.sources.map(({ source, requests }) => [
                <dt key={`${source}-name`}>{sourceText(source)}</dt>,
                <dd key={`${source}-value`}>{formatPercent(requests / found)}</dd>,
              ])}
            </dl>
          )}
        </div>
        <div>
          <h3>Routes without a tenant</h3>
          {item.routes_without_tenant.length === 0 ? (
            <p class="muted">None</p>
          ) : (
            <dl class="pairs">
              {item.routes_without_tenant.map(({ route, requests }) => [
                <dt key={`${route}-name`} title={route}>
                  {route}
                </dt>,
                <dd key={`${route}-value`}>{formatCount(requests)}</dd>,
              ])}
            </dl>
          )}
        </div>
        <div>
          <h3>What to do</h3>
          <p>{advice ?? 'Nothing: nearly every span names its tenant.'}</p>
        </div>
      </div>
      {snippet !== null && (
        <details>
          <summary class="small">Code that helps</summary>
          <Snippet name="In the app" text={snippet} />
        </details>
      )}
      <details open={item.share < LOW_SHARE}>
        <summary class="small">Trend</summary>
        <Chart
          title="Share of spans with a tenant"
          unit="of all spans"
          lines={[{ label: item.service, points: item.points.map(([at, share]) => [at, share] as const) }]}
          stepSeconds={body.step_seconds}
          window={{ from: Date.parse(body.from), to: Date.parse(body.to) }}
          format={formatPercent}
          zone={zone}
          themeKey={themeKey}
          onSelect={(from, to) => navigate(withQuery('/attribution', withRange(query, rangeFromSelection(from, to))))}
          empty="No spans in this time"
          testId={`trend-${item.service}`}
        />
      </details>
    </section>
  );
}
