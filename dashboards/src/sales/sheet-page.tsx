import { useMemo } from 'preact/hooks';
import { serverNow } from '../shared/api-client.ts';
import { NO_VALUE } from '../shared/format.ts';
import { Loaded } from '../shared/loaded.tsx';
import { formatAmount } from '../shared/money.ts';
import { Link, navigate } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { pageHref, tenantHref, withQuery } from '../shared/router.ts';
import { Notice } from '../shared/states.tsx';
import { useLive } from '../shared/use-live.ts';
import '../styles/sales-parts.css';
import '../styles/sheet.css';
import { AdviceSection, InternalSection, paidOf, planPrice, revenueText } from './sheet-advice.tsx';
import { sheetFacts } from './sheet-api.ts';
import { type Quarter, quarterFromQuery, quartersUpTo } from './sheet-quarter.ts';
import {
  AiSection,
  QuotaSection,
  ReliabilitySection,
  SheetFigure,
  type SheetProps,
  UsageSection,
} from './sheet-sections.tsx';
import { SendCard } from './sheet-send.tsx';

const QUARTERS = 5;
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });

function setQuery(query: URLSearchParams, name: string, value: string | null): void {
  const next = new URLSearchParams(query);
  if (value === null) next.delete(name);
  else next.set(name, value);
  navigate(withQuery(location.pathname, next), { replace: true });
}

/** One page about one customer, to look at before a renewal and to leave on the table. */
export function SheetPage({ params, query }: PageProps) {
  const tenantId = params['tenant_id'] ?? '';
  // One moment for all figures: the page is a document, and does not move while it is read.
  const now = useMemo(serverNow, [tenantId]);
  const quarter = quarterFromQuery(query, now);
  const isInternal = query.get('internal') === '1';
  const live = useLive(`sheet ${tenantId} ${quarter.id}`, (signal) => sheetFacts(tenantId, quarter, now, signal), null);
  return (
    <>
      <header class="page-head no-print">
        <nav aria-label="Where you are" class="small">
          <Link href={pageHref('/upsell', query)}>Who to talk to</Link> ·{' '}
          <Link href={tenantHref(tenantId, query)}>Figures of {tenantId}</Link>
        </nav>
        <div class="page-actions">
          <label>
            <span class="visually-hidden">Quarter</span>
            <select
              class="sheet-quarter"
              value={quarter.id}
              onChange={(event) => setQuery(query, 'quarter', event.currentTarget.value)}
            >
              {quartersUpTo(now, QUARTERS).map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <label class="check-field">
            <input
              type="checkbox"
              checked={isInternal}
              onChange={(event) => setQuery(query, 'internal', event.currentTarget.checked ? '1' : null)}
            />
            <span>Cost and margin (internal)</span>
          </label>
          <button type="button" class="button primary" onClick={() => print()}>
            Print or save as PDF
          </button>
        </div>
      </header>
      <Loaded live={live}>
        {(facts) =>
          facts.tenant === undefined ? (
            <Notice title={`No customer ${tenantId}`} testId="no-customer">
              <p>Neither a span nor a person has ever named it. Check the id: case matters.</p>
            </Notice>
          ) : (
            <>
              <Sheet facts={facts} quarter={quarter} now={now} isInternal={isInternal} />
              <SendCard tenantId={tenantId} months={facts.months} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

function Sheet(props: SheetProps & { isInternal: boolean }) {
  const { facts, quarter, now, isInternal } = props;
  return (
    <article class="sheet card" data-testid="sheet">
      <SheetHead facts={facts} quarter={quarter} now={now} />
      <UsageSection {...props} />
      <QuotaSection {...props} />
      <div class="sheet-pair">
        <ReliabilitySection {...props} />
        <AiSection {...props} />
      </div>
      <AdviceSection {...props} />
      {isInternal && <InternalSection {...props} />}
      <footer class="sheet-foot">
        Made on {date.format(now)} from measurements by Tenantry. Times in UTC. A dash: not measured, or not known.
        {isInternal && <strong> Internal copy: holds cost and margin.</strong>}
      </footer>
    </article>
  );
}

function SheetHead({ facts, quarter, now }: SheetProps & { quarter: Quarter }) {
  const { tenant, profile } = facts;
  if (tenant === undefined) return null;
  const name = profile?.display_name ?? tenant.display_name;
  const paid = paidOf(facts);
  const ownPrice = planPrice(facts);
  const since = (text: string | null) => (text === null ? undefined : `since ${date.format(Date.parse(text))}`);
  return (
    <header class="sheet-head">
      <div class="sheet-title">
        <div>
          <h1 tabIndex={-1}>{name ?? tenant.tenant_id}</h1>
          <p class="muted">
            {name !== null && <code>{tenant.tenant_id}</code>}
            {[profile?.segment, profile?.owner && `owner ${profile.owner}`]
              .filter((text) => text)
              .map((text) => ` · ${text}`)
              .join('')}
          </p>
        </div>
        <p class="sheet-period">
          {quarter.name}
          {quarter.to > now && <span class="muted">, up to {date.format(now)}</span>}
        </p>
      </div>
      <dl class="sheet-figures">
        <SheetFigure
          label="Plan"
          value={tenant.plan ?? 'none'}
          sub={since(tenant.plan === null ? null : tenant.plan_since)}
          testId="sheet-plan"
        />
        <SheetFigure label="Status" value={tenant.status} sub={since(tenant.first_seen_at)} />
        <SheetFigure
          label="Pays a month"
          value={paid === null ? (ownPrice ?? NO_VALUE) : formatAmount(paid.micro, paid.currency)}
          sub={paid === null ? (ownPrice === null ? 'not known' : "the plan's price") : 'by its subscriptions'}
          testId="pays"
        />
        <SheetFigure label="Paid in the quarter" value={revenueText(facts) ?? NO_VALUE} sub="recognised revenue" />
      </dl>
    </header>
  );
}
