import { useMemo, useState } from 'preact/hooks';
import { csvText } from '../shared/csv.ts';
import { formatCount } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { Link } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { withQuery } from '../shared/router.ts';
import { saveFile } from '../shared/save-file.ts';
import { timeText } from '../shared/time-format.ts';
import { useLive } from '../shared/use-live.ts';
import { useNow } from '../shared/use-now.ts';
import '../styles/sales-parts.css';
import '../styles/upsell.css';
import { PlacementTable } from './placement-table.tsx';
import { QuotaTable, quotaRows } from './quota-table.tsx';
import { placementFacts, upsellFacts } from './upsell-api.ts';
import { UpsellFilters } from './upsell-filters.tsx';
import { LeadCard } from './upsell-lead.tsx';
import {
  type Customer,
  customersOf,
  type Filters,
  filtersOf,
  LEAD_CSV_HEADER,
  type Lead,
  leadRows,
  leadsOf,
  matchesCustomer,
  stranger,
  type UpsellFacts,
} from './upsell-model.ts';

const INTERVAL_MS = 60_000;
/** Cards on the screen at first, and with each step further. */
const CARDS = 40;

const VIEWS = [
  ['signals', 'Signals'],
  ['quotas', 'Near a quota'],
  ['dedicated', 'Own instance'],
] as const;
type View = (typeof VIEWS)[number][0];

function viewOf(query: URLSearchParams): View {
  return VIEWS.find(([id]) => id === query.get('view'))?.[0] ?? 'signals';
}

function viewHref(query: URLSearchParams, view: View): string {
  const next = new URLSearchParams(query);
  if (view === 'signals') next.delete('view');
  else next.set('view', view);
  return withQuery('/upsell', next);
}

/** Who is ready for more, who is about to run into a limit, and who might be better off alone. */
export function UpsellPage({ query }: PageProps) {
  const withDismissed = query.get('show') === 'dismissed';
  const facts = useLive(`upsell ${withDismissed}`, (signal) => upsellFacts(withDismissed, signal), INTERVAL_MS);
  return (
    <>
      <header class="page-head">
        <h1>Who to talk to</h1>
      </header>
      <Loaded live={facts}>
        {(loaded) => <Upsell facts={loaded} query={query} onChanged={facts.refresh} pending={facts.pending} />}
      </Loaded>
    </>
  );
}

function Upsell(props: { facts: UpsellFacts; query: URLSearchParams; onChanged: () => void; pending: boolean }) {
  const { facts, query } = props;
  const view = viewOf(query);
  const filters = filtersOf(query);
  const customers = useMemo(() => customersOf(facts), [facts]);
  const customerOf = (tenantId: string) => customers.get(tenantId) ?? stranger(tenantId);
  const key = JSON.stringify(filters);
  const leads = useMemo(() => leadsOf(facts, customers, filters), [facts, customers, key]);
  const near = useMemo(
    () => quotaRows(facts.quotas, customerOf).filter(({ customer }) => matchesCustomer(filters, customer)),
    [facts, customers, key],
  );
  const counts: Partial<Record<View, number>> = { signals: leads.length, quotas: near.length };
  return (
    <>
      <nav class="tabs" aria-label="Lists">
        {VIEWS.map(([id, label]) => (
          <Link key={id} class="tab" href={viewHref(query, id)} current={id === view}>
            {label}
            {counts[id] !== undefined && <span class="tab-count">{formatCount(counts[id] ?? 0)}</span>}
          </Link>
        ))}
      </nav>
      <UpsellFilters filters={filters} customers={[...customers.values()]} withSignals={view === 'signals'}>
        {view === 'signals' && <LeadActions leads={leads} query={query} />}
      </UpsellFilters>
      {view === 'signals' && <Leads key={key} leads={leads} {...props} />}
      {view === 'quotas' && <NearQuota rows={near} query={query} />}
      {view === 'dedicated' && <Candidates filters={filters} customerOf={customerOf} query={query} />}
    </>
  );
}

function LeadActions({ leads, query }: { leads: readonly Lead[]; query: URLSearchParams }) {
  const shown = query.get('show') === 'dismissed';
  const next = new URLSearchParams(query);
  if (shown) next.delete('show');
  else next.set('show', 'dismissed');
  return (
    <span class="filter-end">
      <Link class="button small" href={withQuery('/upsell', next)}>
        {shown ? 'Show open ones' : 'Show those put aside'}
      </Link>
      <button
        type="button"
        class="button small"
        disabled={leads.length === 0}
        onClick={() =>
          saveFile('tenantry-upsell.csv', 'text/csv;charset=utf-8', csvText(LEAD_CSV_HEADER, leadRows(leads)))
        }
      >
        Save as CSV
      </button>
    </span>
  );
}

function Leads(props: {
  leads: readonly Lead[];
  facts: UpsellFacts;
  query: URLSearchParams;
  pending: boolean;
  onChanged: () => void;
}) {
  const { leads, query } = props;
  const { zone } = usePreferences();
  const now = useNow(60_000);
  const [shown, setShown] = useState(CARDS);
  if (leads.length === 0) {
    return (
      <p class="card table-empty" data-testid="no-leads">
        {props.facts.signals.length > 0
          ? 'No customer passes these filters.'
          : query.get('show') === 'dismissed'
            ? 'No signal is put aside.'
            : 'No signals. They are looked for every hour: near a quota, growth over weeks, use beyond the plan, a negative margin, limits that were felt.'}
      </p>
    );
  }
  return (
    <>
      <ul class={`leads${props.pending ? ' pending' : ''}`} data-testid="leads">
        {leads.slice(0, shown).map((lead) => (
          <LeadCard
            key={lead.tenantId}
            lead={lead}
            query={query}
            clock={timeText(zone)}
            now={now}
            onChanged={props.onChanged}
          />
        ))}
      </ul>
      {leads.length > shown && (
        <p class="paging">
          <button type="button" class="button" onClick={() => setShown(shown + CARDS)}>
            {`Show ${Math.min(CARDS, leads.length - shown)} more of ${formatCount(leads.length - shown)}`}
          </button>
        </p>
      )}
    </>
  );
}

function NearQuota(props: { rows: Parameters<typeof QuotaTable>[0]['rows']; query: URLSearchParams }) {
  const { zone } = usePreferences();
  return <QuotaTable rows={props.rows} query={props.query} clock={timeText(zone)} />;
}

function Candidates(props: { filters: Filters; customerOf: (tenantId: string) => Customer; query: URLSearchParams }) {
  const facts = useLive('placement', placementFacts, INTERVAL_MS);
  return (
    <Loaded live={facts}>
      {({ items, terms }) => (
        <PlacementTable
          terms={terms}
          query={props.query}
          rows={items
            .map((advice) => ({ advice, customer: props.customerOf(advice.tenant_id) }))
            .filter(({ customer }) => matchesCustomer(props.filters, customer))}
        />
      )}
    </Loaded>
  );
}
