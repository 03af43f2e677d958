import { trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runAsTenant, startTenantry, type Tenantry } from '../../src/middleware/index.ts';

// The working case, with a real receiver, is test/demo/demo-process.test.ts; these are the ones without a server.
let tenantry: Tenantry | undefined;
afterEach(async () => {
  await tenantry?.shutdown();
});

describe('startTenantry without a server', () => {
  it('starts at once, lets work go on, counts what it could not deliver, and stops in bounded time', async () => {
    const startedAt = performance.now();
    tenantry = await startTenantry({
      serviceName: 'shop',
      endpoint: 'http://127.0.0.1:9',
      apiUrl: 'http://127.0.0.1:9/',
      key: 'k',
    });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    runAsTenant('acme', () => trace.getTracer('app').startSpan('work').end());
    expect(tenantry.checkThrottle({ tenantId: 'acme' })).toEqual({ allowed: true, retryAfterSeconds: 0 });
    expect(tenantry.flags.degradeStep('ai', 'acme')).toBe('ok');
    await vi.waitFor(() => expect(tenantry?.stats().flag_stream_failed).toBeGreaterThan(0), { timeout: 5_000 });
    const stoppedAt = performance.now();
    await tenantry.shutdown();
    expect(performance.now() - stoppedAt).toBeLessThan(8_000);
    const stats = tenantry.stats();
    expect(stats.spans_ended).toBe(1);
    expect(stats.spans_exported).toBe(0);
    expect(stats.spans_export_failed + stats.shutdown_failed).toBeGreaterThan(0);
  });
});
