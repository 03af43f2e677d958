import type { TenantId } from '../domain/tenant-id.ts';
import type { Window } from '../domain/window.ts';
import type { TraceOrder } from './traces-contract.ts';

export interface TraceSummary {
  readonly tenantId: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly route: string;
  readonly service: string;
  readonly httpStatus: number;
  readonly failed: boolean;
  /** Unix ms. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly rootName: string;
  readonly rootService: string;
  readonly traceStartedAt: number;
  readonly traceDurationMs: number;
  readonly services: readonly string[];
  readonly spans: number;
  readonly failedSpans: number;
  readonly dbCalls: number;
  readonly dbMs: number;
  readonly aiCalls: number;
  readonly aiMs: number;
  readonly errorMessage: string;
}

export interface TraceSpan {
  readonly tenantId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: string;
  readonly service: string;
  readonly offsetMs: number;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly status: 'Unset' | 'Ok' | 'Error';
  readonly failed: boolean;
  readonly statusMessage: string;
  readonly route: string;
  readonly httpStatus: number;
  readonly dbSystem: string;
  readonly aiOperation: string;
  readonly scope: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** With those beyond what is read. */
  readonly attributesTotal: number;
  readonly resource: Readonly<Record<string, string>>;
  readonly events: readonly {
    readonly offsetMs: number;
    readonly name: string;
    readonly attributes: Readonly<Record<string, string>>;
  }[];
  readonly eventsTotal: number;
}

interface Percentiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

export interface LatencyHeat {
  readonly window: Window;
  readonly boundsMs: readonly number[];
  readonly steps: readonly {
    readonly at: number;
    readonly requests: number;
    readonly errors: number;
    readonly counts: readonly number[];
  }[];
  readonly routes: readonly (Percentiles & {
    readonly tenantId: string;
    readonly route: string;
    readonly requests: number;
    readonly errors: number;
    readonly totalMs: number;
    readonly steps: readonly (({ readonly requests: number; readonly errors: number } & Percentiles) | null)[];
  })[];
  readonly totalRoutes: number;
}

interface TraceListQuestion {
  readonly tenantId: TenantId;
  readonly window: Window;
  readonly order: TraceOrder;
  readonly route: string | undefined;
  readonly service: string | undefined;
  readonly minMs: number | undefined;
  readonly maxMs: number | undefined;
  readonly limit: number;
  readonly offset: number;
}

interface TraceQuestion {
  readonly tenantId: TenantId;
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Unix ms near which the trace was; undefined: not known. */
  readonly near: number | undefined;
  /** Whether to count the spans of other tenants in the trace. */
  readonly withOthers: boolean;
}

export interface Traces {
  list(question: TraceListQuestion): Promise<{ readonly items: readonly TraceSummary[]; readonly more: boolean }>;
  /** undefined: the tenant has no span in such a trace. */
  trace(question: TraceQuestion): Promise<
    | {
        readonly spans: readonly TraceSpan[];
        readonly totalSpans: number;
        readonly otherSpans: number | null;
      }
    | undefined
  >;
  heat(question: {
    readonly tenantId: TenantId;
    readonly window: Window;
    readonly stepSeconds: number;
    readonly route: string | undefined;
    /** How many routes to list. */
    readonly routes: number;
  }): Promise<LatencyHeat>;
}
