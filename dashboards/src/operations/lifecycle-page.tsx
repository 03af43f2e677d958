import { useMemo, useState } from 'preact/hooks';
import type { WhoAmI } from '../../../src/api/contract.ts';
import { FilterBar, FilterChoice, FilterText, setFilter } from '../shared/filter-bar.tsx';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { isFor, type PageProps, SALES_ROLES } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { NotFound } from '../shared/states.tsx';
import { formatSpan, timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { useNow } from '../shared/use-now.ts';
import '../styles/lifecycle.css';
import { type LifecycleFacts, lifecycleFacts } from './lifecycle-api.ts';
import { type Change, ChangeDialog } from './lifecycle-change.tsx';
import {
  type LifecycleRow,
  lifecycleFilters,
  lifecycleRows,
  matchesLifecycle,
  NEW_DAYS,
  NO_PLAN,
  newcomers,
  STAGE_WORDS,
} from './lifecycle-model.ts';
import { OnboardDialog } from './lifecycle-onboard.tsx';
import { RetentionRuns } from './lifecycle-retention.tsx';
import { LifecycleTable } from './lifecycle-table.tsx';
import { TenantDialog } from './lifecycle-tenant.tsx';

const INTERVAL_MS = 30_000;
const SHOWN_NEW = 5;
const RETENTION_READERS = ['admin', 'sre', 'sales'] as const;
const ONBOARDERS = ['admin', 'sales', 'automation'] as const;

/** Every customer, from its first span to its end. */
export function LifecyclePage({ query, who }: PageProps) {
  const live = useLive(`lifecycle ${who?.role ?? ''}`, (signal) => lifecycleFacts(who, signal), INTERVAL_MS);
  return (
    <>
      <header class="page-head">
        <h1>Customers</h1>
      </header>
      <Loaded live={live}>
        {(facts) => <Lifecycle facts={facts} query={query} who={who} pending={live.pending} onChanged={live.refresh} />}
      </Loaded>
    </>
  );
}

function Lifecycle(props: {
  facts: LifecycleFacts;
  query: URLSearchParams;
  who: WhoAmI | undefined;
  pending: boolean;
  onChanged: () => void;
}) {
  const { facts, query, who } = props;
  const { zone } = usePreferences();
  const clock = timeText(zone);
  const now = useNow(10_000);
  const [change, setChange] = useState<Change | undefined>();
  /** Of whom; '': of somebody new. */
  const [signingUp, setSigningUp] = useState<string | undefined>();
  const rows = useMemo(() => lifecycleRows(facts, now), [facts, now]);
  const filters = lifecycleFilters(query);
  const shown = rows.filter((row) => matchesLifecycle(row, filters));
  const openId = query.get('open') ?? '';
  const open = rows.find(({ tenant }) => tenant.tenant_id === openId);
  const show = (tenantId: string, next?: Change) => {
    setChange(next);
    setFilter('open', tenantId);
  };
  const close = () => show('');
  return (
    <>
      {isFor(who, ONBOARDERS) && (
        <p class="life-begin">
          <button type="button" class="button primary" onClick={() => setSigningUp('')}>
            Sign a customer up …
          </button>
        </p>
      )}
      {signingUp !== undefined && (
        <OnboardDialog
          plans={facts.plans}
          tenantId={signingUp}
          onClose={() => setSigningUp(undefined)}
          onDone={() => {
            setSigningUp(undefined);
            props.onChanged();
          }}
        />
      )}
      <Newcomers
        rows={newcomers(rows)}
        {...{ now, who }}
        onPlan={(tenantId) => show(tenantId, 'plan')}
        onAdopt={setSigningUp}
      />
      <FilterBar>
        <FilterText name="q" label="Customer" value={filters.q} />
        <FilterChoice name="stage" label="Status" value={filters.stage} options={Object.entries(STAGE_WORDS)} />
        <FilterChoice
          name="plan"
          label="Plan"
          value={filters.plan}
          options={[...facts.plans.map(({ plan }) => [plan, plan] as const), [NO_PLAN, 'no plan'] as const]}
        />
        <FilterChoice
          name="placement"
          label="Placement"
          value={filters.placement}
          options={[
            ['pooled', 'pooled'],
            ['dedicated', 'dedicated'],
          ]}
        />
        <span class="filter-end muted small" data-testid="customer-count">
          {shown.length === rows.length
            ? `${formatCount(rows.length)} customers`
            : `${formatCount(shown.length)} of ${formatCount(rows.length)} customers`}
        </span>
      </FilterBar>
      <LifecycleTable
        rows={shown}
        isFiltered={shown.length < rows.length}
        pending={props.pending}
        clock={clock}
        now={now}
        lastSeenKnown={facts.lastSeenKnown}
        onOpen={show}
      />
      {isFor(who, RETENTION_READERS) && <RetentionRuns {...{ who, clock }} />}
      {openId !== '' && open === undefined && <NotFound what={`There is no customer ${openId}.`} />}
      {open !== undefined && change === undefined && (
        <TenantDialog
          row={open}
          {...{ query, who, clock, now }}
          onChange={setChange}
          onChanged={props.onChanged}
          onClose={close}
        />
      )}
      {open !== undefined && change !== undefined && (
        <ChangeDialog
          row={open}
          change={change}
          plans={facts.plans}
          onClose={() => setChange(undefined)}
          onDone={() => {
            setChange(undefined);
            props.onChanged();
          }}
        />
      )}
    </>
  );
}

/** Customers that nobody has dealt with yet: their first span came, and they are on no plan. */
function Newcomers(props: {
  rows: readonly LifecycleRow[];
  now: number;
  who: WhoAmI | undefined;
  onPlan: (tenantId: string) => void;
  onAdopt: (tenantId: string) => void;
}) {
  const { rows, now } = props;
  if (rows.length === 0) return null;
  return (
    <section class="card newcomers" data-testid="newcomers" aria-label="New customers without a plan">
      <h2>
        {formatCount(rows.length)} new without a plan{' '}
        <span class="muted small">first seen in the last {NEW_DAYS} days</span>
      </h2>
      <ul>
        {rows.slice(0, SHOWN_NEW).map(({ tenant }) => (
          <li key={tenant.tenant_id} data-tenant={tenant.tenant_id}>
            <span class="newcomer-id">{tenant.tenant_id}</span>
            <span class="muted">first seen {formatSpan(now - Date.parse(tenant.first_seen_at))} ago</span>
            {isFor(props.who, SALES_ROLES) && (
              <button type="button" class="button small" onClick={() => props.onPlan(tenant.tenant_id)}>
                Put <span class="visually-hidden">{tenant.tenant_id} </span>on a plan …
              </button>
            )}
            {isFor(props.who, ONBOARDERS) && (
              <button type="button" class="button small quiet" onClick={() => props.onAdopt(tenant.tenant_id)}>
                Sign <span class="visually-hidden">{tenant.tenant_id} </span>up …
              </button>
            )}
          </li>
        ))}
      </ul>
      {rows.length > SHOWN_NEW && (
        <button type="button" class="button small quiet" onClick={() => setFilter('stage', 'new')}>
          Show all {formatCount(rows.length)}
        </button>
      )}
    </section>
  );
}
