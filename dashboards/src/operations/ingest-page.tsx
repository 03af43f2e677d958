import type { IngestHealthBody } from '../../../src/api/ingest-health-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { Chart, type ChartProps } from '../shared/chart.tsx';
import { formatBytes, formatCount, formatDuration, formatShort, NO_VALUE } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link, navigate } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { pageHref, withQuery } from '../shared/router.ts';
import { formatSpan, timeText } from '../shared/time-format.ts';
import { rangeFromSelection, withRange } from '../shared/time-range.ts';
import { useLive } from '../shared/use-live.ts';
import { useThemeKey } from '../shared/use-theme-key.ts';
import { Tile } from '../sre/tiles.tsx';
import '../styles/charts.css';
import '../styles/telemetry.css';
import { KeyTable, RejectedTable, ServiceTable } from './ingest-tables.tsx';
import { IngestTabs } from './ingest-tabs.tsx';
import { QuarantineSection } from './quarantine-section.tsx';
import { ingestHealth } from './telemetry-api.ts';

const REFRESH_MS = 5_000;
const LONGEST_MS = 6 * 3_600_000;
const SHORTEST_MS = 30 * 60_000;

/** Whether telemetry flows, in one sentence; then where it stands and who sends it. */
export function IngestPage({ query, who }: PageProps) {
  const live = useLive('ingest', ingestHealth, REFRESH_MS);
  return (
    <>
      <div class="page-head">
        <h1>Ingest</h1>
        <div class="page-actions">
          <Link class="button" href={pageHref('/setup', query)}>
            Connect a service
          </Link>
        </div>
      </div>
      <IngestTabs current="/ingest" query={query} who={who} />
      <Loaded live={live}>{(health) => <Health health={health} query={query} />}</Loaded>
      <QuarantineSection query={query} />
    </>
  );
}

function Health({ health, query }: { health: IngestHealthBody; query: URLSearchParams }) {
  const { verdict, ingest } = health;
  const others = health.findings.slice(1);
  return (
    <>
      <section class={`verdict card verdict-${verdict.level}`} aria-label="Verdict" data-testid="ingest-verdict">
        <p class="verdict-text" role="status">
          {verdict.text}
        </p>
        {verdict.advice !== null && <p>{verdict.advice}</p>}
      </section>
      {others.map(({ level, text, advice }) => (
        <section key={text} class={`verdict card verdict-${level}`} aria-label="Finding" data-testid="ingest-finding">
          <p>{text}</p>
          {advice !== null && <p>{advice}</p>}
        </section>
      ))}
      <Tiles health={health} />
      <History health={health} query={query} />
      {ingest !== null && ingest.rejected.length > 0 && (
        <RejectedTable rejected={ingest.rejected} since={Date.parse(ingest.started_at)} />
      )}
      <ServiceTable services={health.services} query={query} />
      <KeyTable keys={health.keys} since={ingest === null ? null : Date.parse(ingest.started_at)} />
    </>
  );
}

const ago = (seconds: number) => formatSpan(seconds * 1000);

function Tiles({ health }: { health: IngestHealthBody }) {
  const { ingest, lag, loader } = health;
  const rejected = ingest?.rejected.reduce((sum, { requests }) => sum + requests, 0) ?? null;
  const since = ingest === null ? undefined : `since ${formatSpan(serverNow() - Date.parse(ingest.started_at))} ago`;
  return (
    <dl class="tiles">
      <Tile label="Spans a minute" value={formatCount(health.spans_per_minute)} sub="last minute" testId="tile-rate" />
      <Tile
        label="Queryable after"
        value={formatDuration(lag.end_to_end_ms)}
        title="From the end of a span to its showing up in figures"
        sub={`export ${formatDuration(lag.export_p50_ms)}, load ${formatDuration(lag.load_ms)}`}
      />
      <Tile
        label="Accepted"
        value={ingest === null ? NO_VALUE : `${formatShort(ingest.spans)} spans`}
        sub={
          ingest === null ? undefined : `${formatShort(ingest.data_points)} data points, ${formatBytes(ingest.bytes)}`
        }
        testId="tile-accepted"
      />
      <Tile
        label="Refused requests"
        value={formatCount(rejected)}
        sub={since}
        {...(rejected ? { tone: 'warn' as const } : {})}
        testId="tile-rejected"
      />
      <Tile
        label="Waiting in the spool"
        value={ingest === null ? NO_VALUE : formatBytes(ingest.spool.bytes)}
        sub={
          ingest === null
            ? undefined
            : `of ${formatBytes(ingest.spool.max_bytes)}, oldest ${ingest.spool.oldest_seconds === null ? NO_VALUE : ago(ingest.spool.oldest_seconds)}`
        }
        {...(loader.trouble === null ? {} : { tone: 'bad' as const })}
      />
      <Tile
        label="In quarantine"
        value={formatCount(health.quarantined)}
        sub={health.quarantined === 0 ? 'nothing was refused by the store' : 'see below'}
        {...(health.quarantined > 0 ? { tone: 'warn' as const } : {})}
        testId="tile-quarantined"
      />
      <SelfCheckTile check={health.self_check} />
    </dl>
  );
}

/** Known spans that the server sends to itself and reads back at every stage. */
function SelfCheckTile({ check }: { check: IngestHealthBody['self_check'] }) {
  const label = { label: 'Self-check', title: 'Known spans, read back at every stage to the last rollup' };
  if (check === null)
    return <Tile {...label} value="off" sub="TENANTRY_SELF_CHECK_SECONDS is 0" testId="tile-self-check" />;
  if (check.last_run_at === null) return <Tile {...label} value={NO_VALUE} sub="none yet" testId="tile-self-check" />;
  const seen = `seen after ${formatDuration(check.lag_ms)}, ${formatCount(check.runs)} runs`;
  if (check.failing_since === null) return <Tile {...label} value="passes" sub={seen} testId="tile-self-check" />;
  const since = `for ${formatSpan(serverNow() - Date.parse(check.failing_since))}`;
  return <Tile {...label} value="fails" sub={since} tone="bad" testId="tile-self-check" />;
}

function History({ health, query }: { health: IngestHealthBody; query: URLSearchParams }) {
  const { zone } = usePreferences();
  const themeKey = useThemeKey();
  const { minutes, since, step_seconds: stepSeconds } = health.history;
  const to = Date.parse(health.checked_at);
  // A server that has just started would else fill the width of a chart with two points.
  const window = { from: Math.min(Math.max(Date.parse(since), to - LONGEST_MS), to - SHORTEST_MS), to };
  const common: Pick<ChartProps, 'stepSeconds' | 'window' | 'zone' | 'themeKey' | 'onSelect' | 'empty'> = {
    ...{ stepSeconds, window, zone, themeKey, empty: 'Nothing measured yet' },
    onSelect: (from, end) => navigate(withQuery('/', withRange(query, rangeFromSelection(from, end)))),
  };
  const line = (label: string, of: (minute: (typeof minutes)[number]) => number | null) => ({
    label,
    points: minutes.map((minute) => [minute[0], of(minute)] as const),
  });
  return (
    <section class="chart-section" aria-label="The last hours">
      <header class="section-head">
        <h2>The last hours</h2>
        <span class="muted small">Kept since the server started at {timeText(zone).dateMinute(Date.parse(since))}</span>
      </header>
      <div class="charts">
        <Chart
          {...common}
          title="Spans"
          unit="a minute"
          format={formatShort}
          testId="chart-ingest-spans"
          lines={[line('spans', (minute) => minute[1])]}
        />
        <Chart
          {...common}
          title="Refused"
          unit="requests a minute"
          format={formatShort}
          testId="chart-ingest-refused"
          lines={[line('refused', (minute) => minute[2])]}
          palette={[1]}
        />
        <Chart
          {...common}
          title="Spool"
          unit="bytes"
          format={formatBytes}
          testId="chart-ingest-spool"
          lines={[line('most in the minute', (minute) => minute[3])]}
          palette={[2]}
        />
        <Chart
          {...common}
          title="Longest wait"
          unit="for the store"
          format={formatDuration}
          testId="chart-ingest-wait"
          lines={[line('oldest segment', (minute) => minute[4])]}
          palette={[3]}
        />
      </div>
    </section>
  );
}
