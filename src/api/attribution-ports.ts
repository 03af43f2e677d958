import type { Window } from '../domain/window.ts';

export interface ServiceAttribution {
  readonly service: string;
  readonly spans: number;
  readonly attributed: number;
  /** Of those attributed: spans that named no tenant and have that of their trace. */
  readonly adopted: number;
  /** Now, whatever the window: spans that wait for the tenant of their trace and are not counted yet. */
  readonly waiting: number;
  /** Steps with spans, `at` in Unix ms. */
  readonly steps: readonly {
    readonly at: number;
    readonly spans: number;
    readonly attributed: number;
    readonly adopted: number;
  }[];
  /** Requests of the sample by how their tenant was found; null: nothing says how. */
  readonly sources: readonly { readonly source: string | null; readonly spans: number }[];
  /** The busiest routes of requests without a tenant. */
  readonly bareRoutes: readonly { readonly route: string; readonly requests: number }[];
}

export interface AttributionAnswer {
  /** What `sources` are of: the end of the window. */
  readonly sample: Window;
  /** Now, of all services: spans that wait. */
  readonly waiting: number;
  /** Those with most spans without a tenant first. */
  readonly services: readonly ServiceAttribution[];
}

export interface Attribution {
  look(window: Window, stepSeconds: number): Promise<AttributionAnswer>;
}
