import { MINUTE_MS } from '../../src/domain/window.ts';
import { otlpRequest, otlpSpan, segmentOf } from './spans.ts';

/** Start of the requests below: inside the minute before the current one. */
export const REQUESTS_AT = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 30_000;

/** A segment with one request span and one database call of each tenant, `count` times. */
export function segmentFor(tenants: readonly string[], count = 1): Buffer {
  const spans = tenants.flatMap((tenant_id) =>
    Array.from({ length: count }, (_, index) => [
      otlpSpan({
        kind: 2,
        start: REQUESTS_AT,
        durationMs: 10 + index,
        attributes: { tenant_id, 'http.request.method': 'GET', 'http.route': '/r', 'http.response.status_code': 200 },
      }),
      otlpSpan({
        kind: 3,
        start: REQUESTS_AT,
        durationMs: 2,
        attributes: { tenant_id, 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT' },
      }),
    ]).flat(),
  );
  return segmentOf([otlpRequest(spans)], { receivedAt: REQUESTS_AT });
}
