import type { ComponentChildren } from 'preact';
import type { TenantFigures } from '../../../src/api/contract.ts';
import { Link } from '../shared/navigation.tsx';
import { AnomalyList } from './anomaly-list.tsx';
import { BreakerList } from './breaker-list.tsx';
import type { SectionProps } from './chart-section.tsx';
import { ResourceSection } from './resource-charts.tsx';
import { TenantAi } from './tenant-ai.tsx';
import { TenantAudit } from './tenant-audit.tsx';
import { TenantFlags } from './tenant-control.tsx';
import { TenantDatabase } from './tenant-database.tsx';
import { TenantLatency } from './tenant-latency.tsx';
import { Part, type SectionEntry } from './tenant-sections.tsx';
import { TenantMeters, TenantStorage } from './tenant-stored.tsx';
import { ThrottleHistory } from './throttle-list.tsx';
import { listTraces } from './trace-api.ts';
import { tracesHref, tracesWindow } from './trace-filter.ts';
import { TraceTable } from './trace-table.tsx';
import { TrafficSection } from './traffic-charts.tsx';
import { CacheSection } from './usage-charts.tsx';
import type { TenantAnswers } from './use-tenant.ts';
import { useTenantList } from './use-tenant-list.ts';

const FAILED_SHOWN = 10;

interface Inputs {
  readonly section: SectionProps;
  readonly query: URLSearchParams;
  readonly answers: TenantAnswers;
  readonly figures: TenantFigures;
  readonly isOperator: boolean;
}

/** The sections of a tenant's page, in the order in which somebody who is woken up asks. */
export function tenantSections(inputs: Inputs): readonly SectionEntry[] {
  const { section, query, answers, figures, isOperator } = inputs;
  const { zone, tenantId } = section;
  const { throttles, breakers, anomalies, isTenant } = answers;
  const ofEverybody: readonly SectionEntry[] = [
    { id: 'latency', label: 'Latency', content: () => <TenantLatency section={section} query={query} /> },
    { id: 'requests', label: 'Requests', content: () => <Requests section={section} query={query} /> },
    { id: 'database', label: 'Database', content: () => <TenantDatabase {...section} /> },
    { id: 'cache', label: 'Cache', content: () => <CacheSection {...section} /> },
    { id: 'ai', label: 'AI', content: () => <TenantAi section={section} figures={figures} /> },
    { id: 'cpu', label: 'CPU and bytes', content: () => <ResourceSection {...section} /> },
  ];
  // Nothing is stored for, asked of or done about spans that are nobody's.
  if (!isTenant) return ofEverybody;
  return [
    ...ofEverybody,
    { id: 'storage', label: 'Storage', content: () => <TenantStorage {...section} /> },
    { id: 'meters', label: 'Meters', content: () => <TenantMeters {...section} /> },
    {
      id: 'integrations',
      label: 'Integrations',
      content: () => (
        <Listed what="Circuit breakers" live={breakers}>
          {(items) => <BreakerList breakers={items} zone={zone} />}
        </Listed>
      ),
    },
    {
      id: 'flags',
      label: 'Flags',
      content: () => (
        <TenantFlags {...{ throttles, breakers, zone, query, isOperator }} tenantId={isTenant ? tenantId : null} />
      ),
    },
    {
      id: 'anomalies',
      label: 'Anomalies',
      content: () => (
        <div class="lists">
          <Listed what="Anomalies" live={anomalies}>
            {(items) => <AnomalyList anomalies={items} zone={zone} />}
          </Listed>
          <Listed what="Throttles" live={throttles}>
            {(items) => <ThrottleHistory throttles={items} zone={zone} />}
          </Listed>
        </div>
      ),
    },
    { id: 'audit', label: 'Audit', content: () => <TenantAudit tenantId={tenantId} zone={zone} /> },
  ];
}

/** Rates over time, and the newest requests that failed. */
function Requests({ section, query }: { section: SectionProps; query: URLSearchParams }) {
  const { tenantId, range, zone } = section;
  const failed = useTenantList('failed traces', tenantId, range, (window, signal) =>
    listTraces(tenantId, { filter: { order: 'failed' }, window: tracesWindow(window), limit: FAILED_SHOWN }, signal),
  );
  return (
    <>
      <TrafficSection {...section} />
      <Part
        title="Newest failures"
        live={failed}
        testId="part-failed"
        note={<Link href={tracesHref(tenantId, query, { order: 'failed' })}>All failed requests</Link>}
      >
        {({ items }) => (
          <TraceTable
            id="failed"
            tenantId={tenantId}
            items={items}
            zone={zone}
            empty="No request failed in this window"
          />
        )}
      </Part>
    </>
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
