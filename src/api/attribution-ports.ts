import type { Window } from '../domain/window.ts';

export interface ServiceAttribution {
  readonly service: string;
  readonly spans: number;
  readonly attributed: number;
  /** Steps with spans, `at` in Unix ms. */
  readonly steps: readonly { readonly at: number; readonly spans: number; readonly attributed: number }[];
  /** Requests of the sample by how their tenant was found; null: nothing says how. */
  readonly sources: readonly { readonly source: string | null; readonly spans: number }[];
  /** The busiest routes of requests without a tenant. */
  readonly bareRoutes: readonly { readonly route: string; readonly requests: number }[];
}

export interface AttributionAnswer {
  /** What `sources` are of: the end of the window. */
  readonly sample: Window;
  /** Those with most spans without a tenant first. */
  readonly services: readonly ServiceAttribution[];
}

export interface Attribution {
  look(window: Window, stepSeconds: number): Promise<AttributionAnswer>;
}
