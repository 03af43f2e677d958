import { useMemo, useState } from 'preact/hooks';
import type { TenantFigures } from '../../../src/api/contract.ts';
import type { Mark } from '../shared/chart-options.ts';
import { Link, navigate } from '../shared/navigation.tsx';
import { isFor, isStaff, OPERATOR_ROLES, type PageProps } from '../shared/page.ts';
import { usePreferences } from '../shared/preferences.ts';
import { RangePicker } from '../shared/range-picker.tsx';
import { pageHref, tenantsHref, withQuery } from '../shared/router.ts';
import { ErrorState, Loading, Notice, NotUpdating } from '../shared/states.tsx';
import { freshness, freshnessText, timeText } from '../shared/time-format.ts';
import { rangeFromQuery, rangeFromSelection, withRange } from '../shared/time-range.ts';
import { useNow } from '../shared/use-now.ts';
import { useThemeKey } from '../shared/use-theme-key.ts';
import { TenantFiguresRow } from './tenant-figures.tsx';
import { tenantSections } from './tenant-section-list.tsx';
import { SectionNav, Sections } from './tenant-sections.tsx';
import { recentRate } from './throttle-draft.ts';
import { ThrottleForm } from './throttle-form.tsx';
import { ActiveThrottles } from './throttle-list.tsx';
import { useDeployMarks } from './timeline-deploy-marks.ts';
import { tracesHref } from './trace-filter.ts';
import { marksOf, type TenantAnswers, useTenant } from './use-tenant.ts';
import '../styles/tenant-page.css';
import '../styles/trace.css';

/** Everything about one tenant: its figures at once, the sections as they come near. */
export function TenantPage({ query, who, params }: PageProps) {
  const tenantId = params['tenant_id'] ?? '';
  const { zone } = usePreferences();
  const answers = useTenant(tenantId, query);
  const { range, found, throttles, isTenant } = answers;
  const deploys = useDeployMarks(range);
  const [formOpen, setFormOpen] = useState(false);
  const isOperator = isFor(who, OPERATOR_ROLES);
  const mayThrottle = isOperator && isTenant;
  const figures = found.data?.figures;
  const refused = found.error !== undefined && (found.data === undefined || found.error.status === 401);
  const marks = useMemo(
    () => [...marksOf(throttles.data ?? [], answers.anomalies.data ?? []), ...deploys],
    [throttles.data, answers.anomalies.data, deploys],
  );
  const section = useSection(tenantId, query, marks);
  const entries =
    refused || figures === undefined ? [] : tenantSections({ section, query, answers, figures, isOperator });

  return (
    <>
      <div class="tenant-sticky">
        <header class="page-head tenant-head">
          <div class="tenant-title">
            <nav aria-label="Where you are" class="crumbs">
              <Link href={tenantsHref(query)}>Tenants</Link>
            </nav>
            <h1 tabIndex={-1}>{tenantId}</h1>
            <Facts answers={answers} figures={figures} />
          </div>
          <div class="page-actions">
            <RangePicker range={range} query={query} zone={zone} />
            <div class="action-pair">
              <Link class="button" href={tracesHref(tenantId, query, { order: 'slowest' })}>
                Traces
              </Link>
              {isTenant && isStaff(who) && (
                <Link class="button" href={pageHref(`/tenants/${encodeURIComponent(tenantId)}/usage`, query)}>
                  Usage
                </Link>
              )}
              {isTenant && isFor(who, ['admin']) && (
                <Link class="button" href={pageHref(`/tenants/${encodeURIComponent(tenantId)}/account`, query)}>
                  Account
                </Link>
              )}
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
          </div>
        </header>
        {entries.length > 0 && <SectionNav entries={entries} />}
      </div>
      {refused && found.error && <ErrorState error={found.error} onRetry={found.refresh} />}
      {!refused && found.error && found.answeredAt !== undefined && (
        <NotUpdating error={found.error} since={timeText(zone).time(found.answeredAt)} onRetry={found.refresh} />
      )}
      {!refused && found.data === undefined && <Loading />}
      {!refused && (
        <ActiveThrottles
          throttles={throttles.data ?? []}
          zone={zone}
          mayLift={mayThrottle}
          onLifted={throttles.refresh}
        />
      )}
      {figures && !refused && <TenantFiguresRow figures={figures} />}
      {found.data && !figures && !found.pending && <Silent tenantId={tenantId} />}
      {entries.length > 0 && (
        <>
          <MarkKey marks={marks} />
          <Sections entries={entries} />
        </>
      )}
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

function useSection(tenantId: string, query: URLSearchParams, marks: readonly Mark[]) {
  const { zone } = usePreferences();
  const themeKey = useThemeKey();
  const range = rangeFromQuery(query);
  const onSelect = (from: number, to: number) =>
    navigate(withQuery(location.pathname, withRange(query, rangeFromSelection(from, to))));
  return { tenantId, range, zone, themeKey, marks, onSelect };
}

function Facts({ answers, figures }: { answers: TenantAnswers; figures: TenantFigures | undefined }) {
  const { found, range, isTenant } = answers;
  return (
    <p class="tenant-facts">
      {figures?.plan && <span class="badge">{figures.plan}</span>}
      {!isTenant && <span class="muted">spans that carried no tenant</span>}
      {found.data && range.kind === 'last' && <Fresh dataUntil={found.data.dataUntil} />}
    </p>
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

const MARK_NAMES: Record<Mark['kind'], string> = {
  enforce: 'throttled',
  shadow: 'shadow throttle',
  anomaly: 'anomaly',
  deploy: 'deploy',
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
