import type { Directory, DirectoryEntry, DirectoryPage } from '../../src/api/lifecycle-ports.ts';
import type { TenantMetrics, TenantMetricsRow } from '../../src/api/tenant-metrics-ports.ts';
import type { Actor } from '../../src/domain/actor.ts';

/** The directory of tenants in memory: searched and paged as the real one is. */
export class MemoryDirectory implements Directory {
  entries: DirectoryEntry[] = [];
  lastSeenKnown = true;
  readonly pages: DirectoryPage[] = [];

  async list(_actor: Actor, page: DirectoryPage) {
    this.pages.push(page);
    const text = page.search?.toLowerCase() ?? '';
    const matching = this.entries.filter(
      ({ tenantId, displayName }) =>
        (page.tenantId === undefined || tenantId === page.tenantId) &&
        (tenantId.toLowerCase().includes(text) || (displayName ?? '').toLowerCase().includes(text)),
    );
    const entries = matching.slice(page.offset, page.offset + page.limit);
    return { total: matching.length, lastSeenKnown: this.lastSeenKnown, entries };
  }
}

export class MemoryTenantMetrics implements TenantMetrics {
  rows: TenantMetricsRow[] = [];
  throttledTenants = 0;

  async read(now: number) {
    const { rows, throttledTenants } = this;
    return { window: { from: now - 300_000, to: now }, rows, throttledTenants };
  }
}
