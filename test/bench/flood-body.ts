import { randomFillSync } from 'node:crypto';
import { encodeTraceRequest } from '../support/otlp-proto.ts';
import { sampleRequest, sampleSpan } from '../support/otlp-samples.ts';

const FIRST_TRACE = Buffer.alloc(16, 0xa5);

/** Requests of one tenant that differ in a trace id: the same bytes again would be recognised as a retry. */
export class FloodBodies {
  readonly #template: Buffer;
  readonly #traceAt: number;

  constructor(tenant: string, spans: number) {
    const attributes = (sampleSpan().attributes ?? []).map((attribute) =>
      attribute.key === 'tenant_id' ? { key: 'tenant_id', value: { string_value: tenant } } : attribute,
    );
    const request = Array.from({ length: spans }, (_, index) =>
      sampleSpan('GET /orders/:id', { attributes, ...(index === 0 ? { trace_id: FIRST_TRACE } : {}) }),
    );
    this.#template = Buffer.from(encodeTraceRequest(sampleRequest(request)));
    this.#traceAt = this.#template.indexOf(FIRST_TRACE);
  }

  next(): Buffer {
    const body = Buffer.from(this.#template);
    randomFillSync(body, this.#traceAt, FIRST_TRACE.length);
    return body;
  }
}
