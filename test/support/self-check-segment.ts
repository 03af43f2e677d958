import { knownSpans } from '../../src/domain/self-check.ts';
import { selfCheckTenant } from '../../src/domain/tenant-id.ts';
import { MINUTE_MS } from '../../src/domain/window.ts';
import { otlpRequest, otlpSpan, segmentOf } from './spans.ts';

/** OTLP's numbers. */
const KINDS = { internal: 1, server: 2, client: 3 } as const;

/** A segment with what a self-check sent a minute before it arrived; Unix ms. */
export function selfCheckSegment(receivedAt: number): Buffer {
  const spans = knownSpans(1, receivedAt - MINUTE_MS).map(({ name, kind, startMs, durationMs, attributes }) =>
    otlpSpan({ name, kind: KINDS[kind], start: startMs, durationMs, attributes }),
  );
  const request = otlpRequest(spans, { 'service.name': 'tenantry-self-check' });
  return segmentOf([request], { receivedAt, keyTenant: selfCheckTenant('0a1b2c3d') });
}
