import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PERMISSIONS } from '../../src/api/permissions.ts';
import { PLAN_GATES } from '../../src/api/plan-gates.ts';
import { PLAN_FEATURE_NAMES, PLAN_FEATURES, type PlanFeature } from '../../src/domain/plan-features.ts';
import { GOOD_REQUESTS, type Row } from '../support/api-good-requests.ts';
import { ADMIN_TOKEN, type ApiUnderTest, bearer, OTHER, OWN, startApi } from '../support/api-harness.ts';
import { tableBetween } from '../support/rules-markdown.ts';

const GATES = Object.entries(PLAN_GATES) as [keyof typeof PLAN_GATES, PlanFeature][];

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());
beforeEach(() => api.ports.planFeatures.included.clear());

const without = (...missing: PlanFeature[]) =>
  api.ports.planFeatures.included.set(OWN, {
    ...{ plan: 'starter', features: null },
    tenantryFeatures: PLAN_FEATURE_NAMES.filter((feature) => !missing.includes(feature)),
  });

async function ask(row: Row, token: string) {
  const { url, payload } = GOOD_REQUESTS[row];
  const [method] = row.split(' ') as ['GET'];
  return api.app.inject({ method, url, headers: bearer(token), ...(payload === undefined ? {} : { payload }) });
}

/** A caller of the tenant who may use the route: its key where only keys may. */
const callerOf = async (row: Row, tenant = OWN) =>
  row.includes(' /scim/') ? api.ports.keys.issue(['scim'], tenant) : api.issuer.issueToken('tenant_admin', tenant);

test.each(GATES)('%s needs "%s" of a tenant’s plan, and of nobody else', async (row, feature) => {
  const before = (await ask(row, await callerOf(row))).statusCode;
  expect([401, 403]).not.toContain(before);
  without(feature);
  const refused = await ask(row, await callerOf(row));
  const { detail, status } = refused.json();
  expect([refused.statusCode, Number(status), detail]).toEqual([403, 403, expect.stringContaining(`"${feature}"`)]);
  expect(detail).toContain('starter');
  if (!row.includes(' /scim/')) {
    expect(refused.json()).toMatchObject({ code: 'PLAN_LACKS_FEATURE', hint: expect.stringContaining('plan') });
    const staff = await ask(row, ADMIN_TOKEN);
    expect(staff.statusCode).not.toBe(403);
  }
  const others = await ask(row, await callerOf(row, OTHER));
  expect(others.statusCode).not.toBe(403);
  without(...PLAN_FEATURE_NAMES.filter((name) => name !== feature));
  expect((await ask(row, await callerOf(row))).statusCode).toBe(before);
});

describe('a plan that includes nothing', () => {
  beforeEach(() => without(...PLAN_FEATURE_NAMES));

  test('still shows usage and limits, keeps members and keys, and lets the tenant leave', async () => {
    const token = await api.issuer.issueToken('tenant_admin', OWN);
    const rows = [
      'GET /v1/usage',
      'GET /v1/quotas',
      'GET /v1/members',
      'GET /v1/keys',
      'POST /v1/deletion-requests',
    ] as const;
    for (const row of rows) {
      const { statusCode } = await ask(row, token);
      expect([row, statusCode]).toEqual([row, GOOD_REQUESTS[row].status]);
    }
  });

  test('closes frames in the operator’s product', async () => {
    const made = await api.app.inject({
      ...{ method: 'POST', url: '/v1/embed-tokens', headers: bearer(ADMIN_TOKEN), payload: { tenant_id: OWN } },
    });
    const { token } = made.json();
    const framed = await api.app.inject({ url: `/v1/usage?tenant_id=${OWN}`, headers: bearer(token) });
    expect([framed.statusCode, framed.json().code]).toEqual([403, 'PLAN_LACKS_FEATURE']);
  });

  test('tells the tenant what it includes', async () => {
    const token = await api.issuer.issueToken('viewer', OWN);
    const list = (await api.app.inject({ url: '/v1/plan-features', headers: bearer(token) })).json();
    expect(list).toMatchObject({ tenant_id: OWN, plan: 'starter' });
    expect(list.items).toEqual(
      PLAN_FEATURE_NAMES.map((feature) => ({ feature, about: PLAN_FEATURES[feature], included: false })),
    );
  });
});

test('the table, /openapi.json and the README name the same features for the same routes', async () => {
  const { paths } = (await api.app.inject('/openapi.json')).json();
  const documented = Object.keys(PERMISSIONS).flatMap((row) => {
    const [method = '', url = ''] = row.split(' ');
    const operation = paths[url.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
    const feature = operation?.['x-tenantry-plan-feature'];
    if (feature !== undefined) expect(operation.responses['403'].description).toContain('PLAN_LACKS_FEATURE');
    return feature === undefined ? [] : [[row, feature]];
  });
  expect(documented.sort()).toEqual(GATES.map((gate) => [...gate]).sort());
  // Frames have no routes of their own.
  expect(new Set([...GATES.map(([, feature]) => feature), 'embed'])).toEqual(new Set(PLAN_FEATURE_NAMES));
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  expect(tableBetween(readme, 'plan-features')).toEqual(Object.entries(PLAN_FEATURES));
});
