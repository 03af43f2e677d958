import type { Registry } from 'prom-client';
import type { ApiMetrics } from './api-metrics.ts';
import type { Attribution } from './attribution-ports.ts';
import type { Audit } from './audit-ports.ts';
import type { ApiAuth, Authenticator } from './authenticate.ts';
import type { Backups } from './backups-ports.ts';
import type { Bills, LedgerReader } from './bills-ports.ts';
import type { Control } from './control-ports.ts';
import type { CursorSeal } from './cursor.ts';
import type { Degradations } from './degradation-ports.ts';
import type { DeletionCertificates, Deletions } from './deletions-ports.ts';
import type { Deploys } from './deploys-ports.ts';
import type { DetectorRuns } from './detector-runs-ports.ts';
import type { EmbedLedger } from './embed-ports.ts';
import type { UsageEvents } from './events-ports.ts';
import type { IngestHealth } from './ingest-health-ports.ts';
import type { KeyAdmin } from './keys-ports.ts';
import type { Directory, Lifecycle } from './lifecycle-ports.ts';
import type { Members } from './members-ports.ts';
import type { Meters } from './meters-ports.ts';
import type { Neighbors } from './neighbors-ports.ts';
import type { PlanFeatures } from './plan-features-ports.ts';
import type { Sales } from './plans-sales.ts';
import type {
  Alerting,
  Anomalies,
  Breakers,
  Caps,
  FiguresReader,
  FlagFeed,
  FlagInstances,
  Health,
  Keys,
  Spend,
  TenantPlans,
  Throttles,
} from './ports.ts';
import type { PriceMonths, Prices } from './prices-ports.ts';
import type { TenantProfiles } from './profiles-ports.ts';
import type { Quarantine } from './quarantine-ports.ts';
import type { QueryAudits } from './queries-ports.ts';
import type { Reports } from './reports-ports.ts';
import type { Revenue } from './revenue-ports.ts';
import type { Scim } from './scim-ports.ts';
import type { Setup } from './setup-ports.ts';
import type { SqlDesk } from './sql-ports.ts';
import type { StorageDesk } from './storage-ports.ts';
import type { TenantArchives } from './tenant-archives-ports.ts';
import type { TenantMetrics } from './tenant-metrics-ports.ts';
import type { Traces } from './traces-ports.ts';
import type { Queries, UsageDesk } from './usage-ports.ts';

/** Every port of `ports.ts`, joined to its class by `src/app`. */
export interface ApiPorts {
  readonly figures: FiguresReader;
  readonly plans: TenantPlans;
  readonly throttles: Throttles;
  readonly breakers: Breakers;
  readonly degradations: Degradations;
  readonly caps: Caps;
  readonly prices: Prices;
  readonly months: PriceMonths;
  readonly spend: Spend;
  readonly alerting: Alerting;
  readonly control: Control;
  readonly deploys: Deploys;
  readonly sales: Sales;
  readonly bills: Bills;
  readonly costs: LedgerReader;
  readonly anomalies: Anomalies;
  readonly neighbors: Neighbors;
  readonly flags: FlagFeed;
  readonly instances: FlagInstances;
  readonly keys: Keys;
  readonly keyAdmin: KeyAdmin;
  readonly members: Members;
  readonly scim: Scim;
  readonly planFeatures: PlanFeatures;
  readonly deletions: Deletions;
  readonly deletionCertificates: DeletionCertificates;
  readonly embeds: EmbedLedger;
  readonly health: Health;
  readonly events: UsageEvents;
  readonly meters: Meters;
  readonly profiles: TenantProfiles;
  readonly revenue: Revenue;
  readonly usage: UsageDesk;
  readonly queries: Queries;
  readonly traces: Traces;
  readonly audit: Audit;
  readonly ingestHealth: IngestHealth;
  readonly quarantine: Quarantine;
  readonly backups: Backups;
  readonly attribution: Attribution;
  readonly detectorRuns: DetectorRuns;
  readonly setup: Setup;
  readonly queryAudits: QueryAudits;
  readonly sql: SqlDesk;
  readonly reports: Reports;
  readonly storage: StorageDesk;
  readonly directory: Directory;
  readonly lifecycle: Lifecycle;
  readonly tenantMetrics: TenantMetrics;
  readonly archives: TenantArchives;
  /** Everything that this process measures about itself; `GET /metrics` shows it. */
  readonly registry: Registry;
}

/** What the route plugins share. */
export interface ApiContext {
  readonly ports: ApiPorts;
  readonly auth: ApiAuth;
  readonly authenticator: Authenticator;
  readonly cursors: CursorSeal;
  readonly metrics: ApiMetrics;
  /** Unix milliseconds. */
  readonly now: () => number;
}
