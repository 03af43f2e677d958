import { Admission, type Admitted } from '../../ingest/admission.ts';
import type { KeyHolder } from '../../ingest/key-check.ts';
import type { IngestLimits, LimitName } from '../../ingest/limits.ts';
import { TENANT_ATTRIBUTE_ALIASES } from '../../src/domain/attributes.ts';
import { TenantryError } from '../../src/domain/errors.ts';
import type { SegmentSignal } from '../../src/domain/spool-format.ts';
import { encodeTraceRequest, type OtlpSpan, type OtlpTraceRequest } from './otlp-proto.ts';
import { type AttributeInput, otlpAttributes } from './spans.ts';

const OFF = { requests: 0, items: 0, bytes: 0 };

const NO_LIMITS: IngestLimits = {
  ...{ key: OFF, tenant: OFF, keyConcurrency: 0, burstSeconds: 1 },
  ...{ tenantsPerKey: 0, routesPerTenant: 0, attributeKeysPerTenant: 0 },
  ...{ attributes: 0, keyBytes: 0, valueBytes: 0, valueDepth: 0 },
  tenantAttributes: TENANT_ATTRIBUTE_ALIASES,
};

export const WIDE_KEY: KeyHolder = { keyId: 'wide', tenantId: undefined };

/** The real limits on a clock that stands still until a test moves it. */
export class AdmissionBench {
  /** Milliseconds of the monotonic clock. */
  at = 5_000;
  /** Unix ms. */
  today = Date.UTC(2026, 10, 23, 12);
  readonly limited: Partial<Record<LimitName, number>> = {};
  readonly mismatches = { tenants: 0, services: 0 };
  readonly admission: Admission;

  constructor(limits: Partial<IngestLimits>) {
    this.admission = new Admission({
      limits: { ...NO_LIMITS, ...limits },
      onLimited: (limit, count) => {
        this.limited[limit] = (this.limited[limit] ?? 0) + count;
      },
      onMismatches: ({ tenants, services }) => {
        this.mismatches.tenants += tenants;
        this.mismatches.services += services;
      },
      monotonic: () => this.at,
      now: () => this.today,
    });
  }

  admit(body: Uint8Array, holder: KeyHolder = WIDE_KEY, signal: SegmentSignal = 'traces'): Admitted {
    return this.admission.admit(signal, body, holder);
  }

  /** The same where a refusal is expected. */
  refusal(body: Uint8Array, holder: KeyHolder = WIDE_KEY): TenantryError {
    return refusalOf(() => this.admit(body, holder));
  }
}

/** What the work is refused with; throws where it is not. */
export function refusalOf(work: () => unknown): TenantryError {
  try {
    work();
  } catch (error) {
    if (error instanceof TenantryError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

/** A server span with these attributes. */
export function spanWith(attributes: AttributeInput, more: OtlpSpan = {}): OtlpSpan {
  return {
    trace_id: Buffer.alloc(16, 1),
    span_id: Buffer.alloc(8, 1),
    kind: 2,
    name: 'GET',
    ...more,
    attributes: otlpAttributes(attributes),
  };
}

/** So many spans of each tenant, one behind the other. */
export function spansOfTenants(counts: Readonly<Record<string, number>>): OtlpSpan[] {
  return Object.entries(counts).flatMap(([tenant, count]) =>
    Array.from({ length: count }, () => spanWith({ tenant_id: tenant })),
  );
}

export function encoded(spans: OtlpSpan[], resource: AttributeInput = {}): Uint8Array {
  const request: OtlpTraceRequest = {
    resource_spans: [{ resource: { attributes: otlpAttributes(resource) }, scope_spans: [{ spans }] }],
  };
  return encodeTraceRequest(request);
}
