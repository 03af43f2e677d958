import { useState } from 'preact/hooks';
import type { AuditItem, AuditList } from '../../../src/api/audit-contract.ts';
import { type Query, rfc3339, serverNow, urlOf } from '../shared/api-client.ts';
import { FilterBar, FilterText, setFilter } from '../shared/filter-bar.tsx';
import { Loaded } from '../shared/loaded.tsx';
import { isFor, isStaff, type PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { RangePicker } from '../shared/range-picker.tsx';
import { rangeFromQuery, windowOf } from '../shared/time-range.ts';
import { asApiError } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import '../styles/audit.css';
import { ChainState } from './audit-chain.tsx';
import { AuditRecord } from './audit-record.tsx';
import { listAudit } from './telemetry-api.ts';

const PAGE = 100;
const REFRESH_MS = 15_000;

/** Who did what to whom, when, and what it changed. */
export function AuditPage({ query, who }: PageProps) {
  const { zone } = usePreferences();
  const inRange = query.get('time') === 'range';
  const range = rangeFromQuery(query);
  const filters: Query = {
    tenant_id: query.get('tenant') ?? undefined,
    actor: query.get('actor') ?? undefined,
    action: query.get('action') ?? undefined,
    q: query.get('q') ?? undefined,
  };
  const asked = (): Query => ({ ...filters, ...(inRange ? rfc3339(windowOf(range, serverNow())) : {}) });
  const question = JSON.stringify([filters, inRange ? range : null]);
  const live = useLive(
    question,
    async (signal) => {
      // The next page is asked for with the very same times: its cursor holds for nothing else.
      const first = asked();
      return { asked: first, list: await listAudit({ ...first, limit: PAGE }, signal) };
    },
    REFRESH_MS,
  );
  return (
    <>
      <div class="page-head">
        <h1>Audit log</h1>
        <div class="page-actions">
          <div class="segmented">
            <button type="button" class="segment" aria-pressed={!inRange} onClick={() => setFilter('time', '')}>
              All time
            </button>
            <button type="button" class="segment" aria-pressed={inRange} onClick={() => setFilter('time', 'range')}>
              In a range
            </button>
          </div>
          {inRange && <RangePicker range={range} query={query} zone={zone} />}
          <Files asked={asked} />
        </div>
      </div>
      {isFor(who, ['admin', 'sre']) && <ChainState />}
      <FilterBar>
        <FilterText name="q" label="Search everything" value={query.get('q') ?? ''} />
        <FilterText name="actor" label="Who, in full" value={query.get('actor') ?? ''} />
        <FilterText name="action" label="Action: throttle" value={query.get('action') ?? ''} />
        {isStaff(who) && <FilterText name="tenant" label="Tenant, in full" value={query.get('tenant') ?? ''} />}
      </FilterBar>
      <Loaded live={live}>
        {(data) => <Records key={question} {...data} query={query} linkTenants={isStaff(who)} pending={live.pending} />}
      </Loaded>
    </>
  );
}

function Files({ asked }: { asked: () => Query }) {
  return (
    <span class="audit-files">
      {(['csv', 'json'] as const).map((format) => (
        <a
          key={format}
          class="button small"
          href={urlOf('/v1/audit', { ...asked(), format })}
          download={`tenantry-audit.${format}`}
          title="Everything that fits the filters"
          data-testid={`audit-${format}`}
        >
          Save {format.toUpperCase()}
        </a>
      ))}
    </span>
  );
}

function Records(props: {
  asked: Query;
  list: AuditList;
  query: URLSearchParams;
  linkTenants: boolean;
  pending: boolean;
}) {
  const { asked, list, query } = props;
  const [older, setOlder] = useState<{ items: readonly AuditItem[]; next: string | null } | undefined>();
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  if (list.items.length === 0) {
    return <p class="card table-empty">Nothing was recorded that fits. Widen the time or clear a filter above.</p>;
  }
  // The first page is renewed while older ones stay: what moved from it into them is shown once.
  const seen = new Set(list.items.map(({ id }) => id));
  const items = [...list.items, ...(older?.items ?? []).filter(({ id }) => !seen.has(id))];
  const cursor = older === undefined ? list.next_cursor : older.next;
  const more = async () => {
    if (cursor === null) return;
    setBusy(true);
    try {
      const page = await listAudit({ ...asked, limit: PAGE, cursor });
      setOlder({ items: [...(older?.items ?? []), ...page.items], next: page.next_cursor });
      setProblem('');
    } catch (thrown) {
      setProblem(asApiError(thrown).message);
    }
    setBusy(false);
  };
  return (
    <>
      <ul class={`audit-list card${props.pending ? ' pending' : ''}`} data-testid="audit-list">
        {items.map((item) => (
          <AuditRecord key={item.id} item={item} query={query} linkTenants={props.linkTenants} />
        ))}
      </ul>
      <p class="table-foot muted small">
        <span>
          {items.length} {items.length === 1 ? 'entry' : 'entries'}
          {cursor === null ? ', all that fit' : ''}
        </span>
        {problem !== '' && <span class="bad-text">{problem}</span>}
        {cursor !== null && (
          <button type="button" class="button small" disabled={busy} onClick={() => void more()}>
            {busy ? 'Loading …' : 'Show older'}
          </button>
        )}
      </p>
    </>
  );
}
