import type { ComponentChildren } from 'preact';
import { serverNow } from '../shared/api-client.ts';
import { Link } from '../shared/navigation.tsx';
import type { PageProps } from '../shared/page.ts';
import { tenantHref } from '../shared/router.ts';
import { Loading } from '../shared/states.tsx';
import { DeletionSection } from './data-section.tsx';
import { Downloads } from './downloads.tsx';
import { ExportSection } from './export-section.tsx';
import { KeysSection } from './keys-section.tsx';
import { MembersSection } from './members-section.tsx';
import { billingPeriod, elapsed } from './usage-model.ts';
import '../styles/usage.css';

function ofTenant(who: PageProps['who'], content: (tenantId: string) => ComponentChildren) {
  const tenantId = who?.tenant_id;
  if (tenantId === undefined || tenantId === null) return <Loading />;
  return <div class="usage-page">{content(tenantId)}</div>;
}

export function MembersPage({ who }: PageProps) {
  return ofTenant(who, (tenantId) => <MembersSection tenantId={tenantId} ofPage />);
}

export function KeysPage({ who }: PageProps) {
  return ofTenant(who, (tenantId) => <KeysSection tenantId={tenantId} isOperator={false} ofPage />);
}

/** What can be taken along, and the way out. */
export function DataPage({ who }: PageProps) {
  const now = serverNow();
  return ofTenant(who, (tenantId) => (
    <>
      <header class="page-head">
        <h1 tabIndex={-1}>Your data</h1>
      </header>
      <Downloads tenantId={tenantId} window={elapsed(billingPeriod([], now), now)} />
      <ExportSection tenantId={tenantId} isOperator={false} />
      <DeletionSection tenantId={tenantId} isOperator={false} />
    </>
  ));
}

/** All of it about one tenant, for the operator's admins. */
export function TenantAccountPage({ params, query }: PageProps) {
  const tenantId = params['tenant_id'] ?? '';
  return (
    <div class="usage-page">
      <header class="page-head">
        <div class="tenant-title">
          <nav aria-label="Where you are">
            <Link href={tenantHref(tenantId, query)}>{tenantId}</Link>
          </nav>
          <h1 tabIndex={-1}>Account of {tenantId}</h1>
        </div>
      </header>
      <MembersSection tenantId={tenantId} />
      <KeysSection tenantId={tenantId} isOperator />
      <ExportSection tenantId={tenantId} isOperator />
      <DeletionSection tenantId={tenantId} isOperator />
    </div>
  );
}
