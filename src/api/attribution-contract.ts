/** Wire types of attribution: how much telemetry names its tenant. */

export interface ServiceAttributionItem {
  service: string;
  spans: number;
  attributed: number;
  /** Of those attributed: spans that named no tenant and have that of their trace. */
  adopted: number;
  /** Now: spans that wait for the tenant of their trace and are not counted yet. */
  waiting: number;
  /** 0 to 1. */
  share: number;
  /** Unix ms and share; steps without a span are absent. */
  points: [number, number][];
  /** Requests of the sample by how their tenant was found; null: nothing says how. */
  sources: { source: string | null; requests: number }[];
  routes_without_tenant: { route: string; requests: number }[];
}

export interface AttributionBody {
  from: string;
  to: string;
  step_seconds: number;
  spans: number;
  attributed: number;
  adopted: number;
  waiting: number;
  /** null: there are no spans. */
  share: number | null;
  sample: { from: string; to: string };
  services: ServiceAttributionItem[];
}
