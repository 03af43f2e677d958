import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the API measures about itself. Labels are bounded: route patterns, never paths or tenants. */
export interface ApiMetrics {
  readonly requests: Histogram<'method' | 'route' | 'status'>;
  readonly openStreams: Gauge;
  readonly cutStreams: Counter<'reason'>;
  readonly refusedTokens: Counter<'reason'>;
}

export function createApiMetrics(registry: Registry): ApiMetrics {
  const registers = [registry];
  return {
    requests: new Histogram({
      name: 'tenantry_api_request_seconds',
      help: 'Time to answer, by route and status',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    }),
    openStreams: new Gauge({
      name: 'tenantry_api_flag_streams',
      help: 'Flag streams that are open now',
      registers,
    }),
    cutStreams: new Counter({
      name: 'tenantry_api_flag_streams_cut_total',
      help: 'Flag streams that the server ended, by reason',
      labelNames: ['reason'],
      registers,
    }),
    refusedTokens: new Counter({
      name: 'tenantry_api_tokens_refused_total',
      help: 'Tokens of the identity provider that were not believed, by what is wrong with them',
      labelNames: ['reason'],
      registers,
    }),
  };
}
