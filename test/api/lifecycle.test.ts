import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DirectoryEntry } from '../../src/api/lifecycle-ports.ts';
import type { TenantMetricsRow } from '../../src/api/tenant-metrics-ports.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, START, startApi } from '../support/api-harness.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(() => {
  api.ports.directory.entries = [];
  api.ports.directory.lastSeenKnown = true;
  api.ports.tenantMetrics.rows = [];
});

const entry = (tenantId: TenantId, changes: Partial<DirectoryEntry> = {}): DirectoryEntry => ({
  ...{ tenantId, displayName: null, status: 'active', plan: null, planSince: null, firstSeenAt: START - 1_000 },
  ...{ lastSeen: null, placement: 'pooled', placementReason: null, billingDay: null, seats: null },
  ...{ trialEndsAt: null, scheduledPlan: null, onboardedAt: null, state: null },
  ...changes,
});
const get = async (path: string) => (await api.app.inject({ url: path, headers: bearer(ADMIN_TOKEN) })).json();

describe('the directory of tenants', () => {
  test('says where each stands, with what is not known as null', async () => {
    api.ports.directory.entries = [
      entry(OWN),
      entry(OTHER, {
        ...{ displayName: 'Globex Inc.', status: 'suspended', plan: 'growth', planSince: START - 500 },
        ...{ lastSeen: { at: START - 60_000, stepMs: 3_600_000 }, placement: 'dedicated', placementReason: 'law' },
        ...{ billingDay: 15, seats: 40n, trialEndsAt: START + 1, onboardedAt: START - 2 },
        scheduledPlan: { plan: null, effectiveFrom: START + 3 },
        state: {
          ...{ version: 2, effect: 'read_only', reasonCode: 'payment', reason: 'unpaid', until: START + 4 },
          ...{ since: START - 4, by: 'ada' },
        },
      }),
    ];
    const { items, ...list } = await get('/v1/tenant-directory');
    expect(list).toEqual({ next_cursor: null, total: 2, last_seen_known: true });
    expect(items[0]).toEqual({
      ...{ tenant_id: OWN, display_name: null, status: 'active', plan: null, plan_since: null },
      ...{ first_seen_at: new Date(START - 1_000).toISOString(), last_seen: null, placement: 'pooled' },
      ...{ placement_reason: null, billing_day: null, seats: null, trial_ends_at: null, scheduled_plan: null },
      ...{ onboarded_at: null, state: null },
    });
    expect(items[1]).toEqual({
      ...{ tenant_id: OTHER, display_name: 'Globex Inc.', status: 'suspended', plan: 'growth' },
      ...{ plan_since: new Date(START - 500).toISOString(), first_seen_at: new Date(START - 1_000).toISOString() },
      last_seen: { at: new Date(START - 60_000).toISOString(), step_seconds: 3_600 },
      ...{ placement: 'dedicated', placement_reason: 'law', billing_day: 15, seats: 40 },
      ...{ trial_ends_at: new Date(START + 1).toISOString(), onboarded_at: new Date(START - 2).toISOString() },
      scheduled_plan: { plan: null, effective_from: new Date(START + 3).toISOString() },
      state: {
        ...{ version: 2, effect: 'read_only', reason_code: 'payment', reason: 'unpaid', by: 'ada' },
        ...{ until: new Date(START + 4).toISOString(), since: new Date(START - 4).toISOString() },
      },
    });
  });

  test('is searched, and read page by page', async () => {
    api.ports.directory.entries = ['a-1', 'a-2', 'b-1'].map((id) => entry(id as TenantId));
    const ids = (list: { items: { tenant_id: string }[] }) => list.items.map((item) => item.tenant_id);
    expect(ids(await get('/v1/tenant-directory?q=A-'))).toEqual(['a-1', 'a-2']);
    expect(ids(await get('/v1/tenant-directory?tenant_id=b-1'))).toEqual(['b-1']);
    const first = await get('/v1/tenant-directory?limit=2');
    expect(ids(first)).toEqual(['a-1', 'a-2']);
    const second = await get(`/v1/tenant-directory?limit=2&cursor=${first.next_cursor}`);
    expect(ids(second)).toEqual(['b-1']);
    expect(second.next_cursor).toBeNull();
    expect((await get(`/v1/tenant-directory?limit=1&cursor=${first.next_cursor}`)).code).toBe('BAD_REQUEST');
    api.ports.directory.lastSeenKnown = false;
    expect(await get('/v1/tenant-directory')).toMatchObject({ last_seen_known: false });
  });
});

describe('/metrics/tenants', () => {
  const row = (tenant: string, changes: Partial<TenantMetricsRow> = {}): TenantMetricsRow => ({
    ...{ tenant, requests: 12, errors: 1, p95Ms: 250, dbMs: 1_500, aiInputTokens: 100, aiOutputTokens: 10 },
    ...{ aiCostMicro: 2_500_000n, aiUnpricedCalls: 0, isThrottled: false, openAnomalies: 0 },
    ...changes,
  });

  test('tells base units, and leaves out what is not known', async () => {
    api.ports.tenantMetrics.rows = [
      row(OWN, { isThrottled: true, openAnomalies: 2 }),
      row('(other)', { p95Ms: null, aiCostMicro: null, aiUnpricedCalls: 7, requests: 0 }),
    ];
    api.ports.tenantMetrics.throttledTenants = 1;
    const answer = await api.app.inject({ url: '/metrics/tenants', headers: bearer(ADMIN_TOKEN) });
    expect(answer.headers['content-type']).toContain('text/plain; version=0.0.4');
    const lines = answer.body.split('\n');
    expect(lines.filter((line) => line.includes(`tenant_id="${OWN}"`))).toEqual([
      `tenantry_tenant_requests{tenant_id="${OWN}"} 12`,
      `tenantry_tenant_errors{tenant_id="${OWN}"} 1`,
      `tenantry_tenant_request_p95_seconds{tenant_id="${OWN}"} 0.25`,
      `tenantry_tenant_db_seconds{tenant_id="${OWN}"} 1.5`,
      `tenantry_tenant_ai_cost_usd{tenant_id="${OWN}"} 2.5`,
      `tenantry_tenant_ai_unpriced_calls{tenant_id="${OWN}"} 0`,
      `tenantry_tenant_throttled{tenant_id="${OWN}"} 1`,
      `tenantry_tenant_open_anomalies{tenant_id="${OWN}"} 2`,
      `tenantry_tenant_ai_tokens{tenant_id="${OWN}",kind="input"} 100`,
      `tenantry_tenant_ai_tokens{tenant_id="${OWN}",kind="output"} 10`,
    ]);
    const other = answer.body.split('\n').filter((line) => line.includes('tenant_id="(other)"'));
    expect(other).toContain('tenantry_tenant_requests{tenant_id="(other)"} 0');
    expect(other.join()).not.toMatch(/p95|cost_usd/);
    expect(lines).toContain('tenantry_tenants_window_seconds 300');
    expect(lines).toContain('tenantry_tenants_throttled 1');
    // A type and a help for each, or Prometheus guesses.
    const names = new Set(lines.filter((line) => /^tenantry/.test(line)).map((line) => line.split(/[{ ]/)[0]));
    for (const name of names) {
      expect(lines).toContain(`# TYPE ${name} gauge`);
      expect(lines.some((line) => line.startsWith(`# HELP ${name} `))).toBe(true);
    }
  });
});
