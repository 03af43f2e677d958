import { useMemo } from 'preact/hooks';
import type { DecisionItem } from '../../../src/api/control-contract.ts';
import type { DetectorLoopItem, DetectorRunItem } from '../../../src/api/detector-runs-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { DataTable, type TableColumn } from '../shared/data-table.tsx';
import { setFilter } from '../shared/filter-bar.tsx';
import { formatCount, formatDuration, NO_VALUE } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { tenantHref } from '../shared/router.ts';
import { formatSpan, type TimeText, timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/telemetry.css';
import { barHeight, LOOPS, loopVerdict, runKind } from './detector-text.ts';
import { detectorRuns, listDecisions } from './telemetry-api.ts';

const REFRESH_MS = 5_000;

/** How the loops that judge and act have run, and what they held back. */
export function DetectorPage({ query }: PageProps) {
  const live = useLive('detector-runs', detectorRuns, REFRESH_MS);
  const decisions = useLive('decisions', listDecisions, REFRESH_MS);
  return (
    <>
      <div class="page-head">
        <h1>Detector runs</h1>
        <span class="muted small">of this server, since it started</span>
      </div>
      <Loaded live={live}>{(loops) => <Loops loops={loops} query={query} />}</Loaded>
      <section class="stack-wide" aria-label="Decisions">
        <header class="section-head">
          <h2>What was decided and held back</h2>
        </header>
        <Loaded live={decisions}>{({ items }) => <Decisions items={items} query={query} />}</Loaded>
      </section>
    </>
  );
}

function Loops({ loops, query }: { loops: readonly DetectorLoopItem[]; query: URLSearchParams }) {
  const chosen = loops.find(({ name }) => name === query.get('loop')) ?? loops[0];
  if (chosen === undefined) return <p class="card table-empty">No loop runs on this server.</p>;
  return (
    <>
      <div class="columns">
        {loops.map((loop) => (
          <LoopCard key={loop.name} loop={loop} isChosen={loop === chosen} />
        ))}
      </div>
      <Runs loop={chosen} />
    </>
  );
}

function LoopCard({ loop, isChosen }: { loop: DetectorLoopItem; isChosen: boolean }) {
  const { title, about } = LOOPS[loop.name];
  const { tone, text } = loopVerdict(loop, serverNow());
  const last = loop.runs[0];
  const runs = loop.runs.slice(0, 60).toReversed();
  const longest = Math.max(0, ...runs.map(({ took_ms }) => took_ms));
  return (
    <section
      class={`verdict card verdict-${tone === 'good' ? 'ok' : tone === 'bad' ? 'critical' : 'warning'}`}
      data-loop={loop.name}
      aria-label={title}
    >
      <header class="share-head">
        <h2>{title}</h2>
        {loop.leader === true && <span class="badge">leads</span>}
        <button
          type="button"
          class="button small quiet"
          aria-pressed={isChosen}
          onClick={() => setFilter('loop', loop.name)}
        >
          {isChosen ? 'Shown below' : 'Show its runs'}
        </button>
      </header>
      <p>{text}</p>
      <p class="muted small">{about}</p>
      <div
        class="loop-strip"
        role="img"
        aria-label={`How long the last ${runs.length} runs took; the longest ${formatDuration(longest)}`}
      >
        {runs.map((run) => (
          <span
            key={run.started_at}
            class={`loop-run ${runKind(run)}`}
            style={{ height: `${barHeight(run, longest)}%` }}
          />
        ))}
      </div>
      <p class="muted small">
        {formatCount(loop.total)} runs, {formatCount(loop.skipped)} judged nothing, {formatCount(loop.failed)} failed;
        half took {formatDuration(loop.took_p50_ms)} or less, the longest {formatDuration(loop.took_max_ms)}
        {last?.data_age_seconds == null ? '' : `; data was ${formatSpan(last.data_age_seconds * 1000)} old`}
      </p>
    </section>
  );
}

function Runs({ loop }: { loop: DetectorLoopItem }) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const columns = useMemo(() => runColumns(clock), [clock]);
  return (
    <section class="stack-wide" aria-label="Runs">
      <header class="section-head">
        <h2>{LOOPS[loop.name].title}: last runs</h2>
      </header>
      <DataTable
        id="runs"
        caption="The last runs"
        columns={columns}
        rows={loop.runs}
        rowKey={({ started_at }) => started_at}
        empty={loop.leader === false ? 'Another server does this work.' : 'It has not run yet.'}
      />
    </section>
  );
}

function runColumns(clock: TimeText): readonly TableColumn<DetectorRunItem>[] {
  return [
    {
      id: 'started_at',
      label: 'At',
      align: 'left',
      value: ({ started_at }) => started_at,
      cell: ({ started_at }) => clock.time(Date.parse(started_at)),
    },
    { id: 'outcome', label: 'Outcome', align: 'left', value: ({ failure, skipped }) => failure ?? skipped ?? 'judged' },
    { id: 'took_ms', label: 'Took', value: ({ took_ms }) => took_ms, cell: ({ took_ms }) => formatDuration(took_ms) },
    {
      id: 'series',
      label: 'Tenants',
      about: 'Tenants whose load was looked at',
      value: ({ series }) => series,
      cell: ({ series }) => formatCount(series),
    },
    {
      id: 'data_age_s',
      label: 'Data age',
      about: 'How old the newest complete data was',
      value: ({ data_age_seconds }) => data_age_seconds,
      cell: ({ data_age_seconds: age }) => (age === null ? NO_VALUE : formatDuration(age * 1000)),
    },
    {
      id: 'findings',
      label: 'Open findings',
      wide: true,
      value: ({ findings }) => findings,
      cell: ({ findings }) => formatCount(findings),
    },
  ];
}

function Decisions({ items, query }: { items: readonly DecisionItem[]; query: URLSearchParams }) {
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const columns = useMemo(
    (): readonly TableColumn<DecisionItem>[] => [
      {
        id: 'at',
        label: 'At',
        align: 'left',
        value: ({ at }) => at,
        cell: ({ at }) => clock.dateMinute(Date.parse(at)),
      },
      {
        id: 'tenant_id',
        label: 'Tenant',
        align: 'left',
        value: ({ tenant_id }) => tenant_id,
        cell: ({ tenant_id: tenant }) => <Link href={tenantHref(tenant, query)}>{tenant}</Link>,
      },
      { id: 'kind', label: 'Decision', align: 'left', value: ({ kind }) => kind },
      {
        id: 'held_back_by',
        label: 'Held back by',
        align: 'left',
        value: ({ held_back_by }) => held_back_by.join(', '),
        cell: ({ held_back_by: guards }) =>
          guards.length === 0 ? <span class="muted">nothing</span> : guards.join(', '),
      },
      {
        id: 'explanation',
        label: 'Why',
        align: 'left',
        wide: true,
        value: ({ explanation }) => explanation,
        cell: ({ explanation }) => <span title={explanation}>{explanation}</span>,
      },
    ],
    [clock, query],
  );
  return (
    <DataTable
      id="decisions"
      caption="What automation decided, newest first"
      columns={columns}
      rows={items}
      rowKey={({ id }) => id}
      defaultSort="-at"
      empty="Nothing had to be decided yet."
    />
  );
}
