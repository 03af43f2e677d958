import { Link } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { tenantHref } from '../shared/router.ts';
import { Loading, Notice } from '../shared/states.tsx';
import { PeriodLine, UsageView, useUsage } from './usage-view.tsx';

/** A tenant's own people: what they use of what their plan includes, what it costs, and what holds them back. */
export function MyUsagePage({ who }: PageProps) {
  if (who === undefined) return <Loading />;
  if (who.tenant_id === null) return <OfNoTenant />;
  return <Usage tenantId={who.tenant_id} />;
}

function Usage({ tenantId }: { tenantId: string }) {
  const live = useUsage(tenantId);
  return (
    <div class="usage-page">
      <header class="page-head">
        <div class="tenant-title">
          <h1 tabIndex={-1}>Usage</h1>
          {live.data && <PeriodLine data={live.data} />}
        </div>
      </header>
      <UsageView tenantId={tenantId} live={live} downloads />
    </div>
  );
}

/** The same for staff, who should see that it is not their own. */
export function AsCustomerPage({ params, query }: PageProps) {
  const tenantId = params['tenant_id'] ?? '';
  const live = useUsage(tenantId);
  return (
    <div class="usage-page">
      <p class="as-customer" role="note" data-testid="as-customer">
        You see the usage of <strong>{tenantId}</strong> as its own people see it.{' '}
        <Link href={tenantHref(tenantId, query)}>Back to the tenant</Link>
      </p>
      <header class="page-head">
        <div class="tenant-title">
          <h1 tabIndex={-1}>Usage</h1>
          {live.data && <PeriodLine data={live.data} />}
        </div>
      </header>
      <UsageView tenantId={tenantId} live={live} downloads />
    </div>
  );
}

function OfNoTenant() {
  return (
    <Notice title="This page is about one tenant's own usage" testId="of-no-tenant">
      <p>You work for the operator. Choose a tenant, and look at its usage as its people see it.</p>
      <p>
        <Link href="/">All tenants</Link>
      </p>
    </Notice>
  );
}
