import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AuditItem } from '../../src/api/audit-contract.ts';
import type { LatencyHeatMap, TraceDetail, TraceItem } from '../../src/api/traces-contract.ts';
import { heatMap } from './dashboards-trace-data.ts';

/** What the stub answers to the sections of a tenant's page; a test changes it. */
export interface TenantStubState {
  heat: LatencyHeatMap;
  traces: TraceItem[];
  trace: TraceDetail | undefined;
  statements: readonly string[];
  /** `refused`: 403, as a role gets that may not read it. */
  audit: AuditItem[] | 'refused';
}

export function tenantStubState(): TenantStubState {
  return {
    heat: heatMap(
      [
        [3, 5, 0, 1],
        [0, 0, 0, 0],
        [2, 9, 4, 0],
      ],
      ['GET /orders', 'POST /orders'],
    ),
    ...{ traces: [], trace: undefined, statements: ['SELECT * FROM orders WHERE id = ?'], audit: [] },
  };
}

interface Id {
  Params: { id: string };
}

function problem(reply: FastifyReply, status: number, code: string): FastifyReply {
  const detail = 'It is not there, or not yours.';
  const body = { type: 'about:blank', title: 'Refused', status, code, detail, request_id: 'req-1' };
  return reply.code(status).type('application/problem+json').send(JSON.stringify(body));
}

/** Routes of the contract that only the sections of a tenant's page and the pages of its traces use. */
export function tenantStubRoutes(app: FastifyInstance, state: TenantStubState): void {
  const window = { from: new Date(0).toISOString(), to: new Date(0).toISOString() };
  app.get<Id>('/v1/tenants/:id/latency-heat', () => state.heat);
  app.get<Id>('/v1/tenants/:id/traces', () => ({ ...window, items: state.traces, next_cursor: null }));
  app.get<Id>('/v1/tenants/:id/traces/:trace_id', (_request, reply) => {
    if (state.trace !== undefined) return state.trace;
    return problem(reply, 404, 'NOT_FOUND');
  });
  app.get<Id>('/v1/tenants/:id/queries', ({ params }) => ({
    ...window,
    items: state.statements.map((query, index) => ({
      ...{ tenant_id: params.id, query_hash: `h${index}`, query, db_system: 'postgresql', services: ['shop'] },
      ...{ tenants: 1, calls: 40, errors: 1, slow_calls: 2, total_ms: 900, mean_ms: 22.5, p50_ms: 20, p95_ms: 40 },
      ...{ p99_ms: 60, rows: null, time_share: 1 },
    })),
    total: state.statements.length,
  }));
  app.get<Id>('/v1/tenants/:id/slow-queries', () => ({ ...window, min_duration_ms: 200, items: [] }));
  app.get('/v1/storage', () => ({ ...window, items: [], next_cursor: null, total: 0 }));
  app.get('/v1/meters', () => ({ items: [] }));
  app.get('/v1/flags/instances', () => ({ revision: 7, items: [] }));
  app.get('/v1/audit', (_request, reply) =>
    state.audit === 'refused' ? problem(reply, 403, 'FORBIDDEN') : { items: state.audit, next_cursor: null },
  );
}
