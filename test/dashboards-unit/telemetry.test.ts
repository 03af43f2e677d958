import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { attributionAdvice, attributionSnippet } from '../../dashboards/src/operations/attribution-text.ts';
import { actionText, diffLines } from '../../dashboards/src/operations/audit-diff.ts';
import { chainLine } from '../../dashboards/src/operations/audit-text.ts';
import { loopVerdict } from '../../dashboards/src/operations/detector-text.ts';
import { setupCheck } from '../../dashboards/src/operations/setup-check.ts';
import { keyLine, SETUP_LANGUAGES, setupTexts } from '../../dashboards/src/operations/setup-snippets.ts';
import type { AuditChain } from '../../src/api/audit-contract.ts';
import type { DetectorLoopItem } from '../../src/api/detector-runs-contract.ts';

const NOW = Date.UTC(2026, 10, 2, 12);
const PLACE = { endpoint: 'http://tenantry.test:4318', apiUrl: 'http://tenantry.test:7070', service: 'shop' };

describe('diffLines', () => {
  it('shows what changed first, field by field, and tells a null from nothing', () => {
    const before = { limit: { rps: 5, burst: 10 }, mode: 'shadow', note: null };
    const after = { limit: { rps: 9, burst: 10 }, mode: 'shadow', tags: ['a'] };
    expect(diffLines(before, after)).toEqual([
      { path: 'limit.rps', kind: 'changed', before: '5', after: '9' },
      { path: 'note', kind: 'removed', before: 'null', after: undefined },
      { path: 'tags', kind: 'added', before: undefined, after: '["a"]' },
      { path: 'limit.burst', kind: 'same', before: '10', after: '10' },
      { path: 'mode', kind: 'same', before: 'shadow', after: 'shadow' },
    ]);
    expect(diffLines(null, 'text')).toEqual([{ path: '', kind: 'added', before: undefined, after: 'text' }]);
    expect(diffLines(null, null)).toEqual([]);
  });

  it('says actions as people do, and unknown ones as they are', () => {
    expect(['throttle.create', 'kill_switch.set', 'odd-thing.frobnicate'].map(actionText)).toEqual([
      ...['Throttle created', 'Kill switch set', 'Odd thing frobnicate'],
    ]);
  });
});

describe('chainLine', () => {
  const chain: AuditChain = {
    ...{ state: 'intact' as const, checked_at: new Date(NOW - 1_000).toISOString(), entries: 1_234, progress: null },
    ...{ problems: [], problems_total: 0, head: null },
  };

  it('says how the log stands and when that was seen', () => {
    const texts = [
      chainLine({ ...chain, problems: [] }, NOW),
      chainLine({ ...chain, problems: [], state: 'broken', problems_total: 1 }, NOW + 60_000),
      chainLine({ ...chain, problems: [], state: 'checking', progress: { checked: 2_000, total: 9_000 } }, NOW),
      chainLine({ ...chain, problems: [], state: 'unchecked', checked_at: null }, NOW),
    ];
    expect(texts.map(({ tone, text }) => `${tone}: ${text}`)).toEqual([
      'good: Checked just now: intact, 1,234 entries',
      'bad: Checked 1 min 01 s ago: not whole, 1 problem',
      'plain: Checking: 2,000 of 9,000 entries',
      'plain: Not checked since the server started',
    ]);
  });
});

describe('loopVerdict', () => {
  const run = {
    ...{ started_at: new Date(NOW - 5_000).toISOString(), took_ms: 40, series: 3, data_until: null },
    ...{ data_age_seconds: 2, findings: 0, skipped: null, failure: null },
  };
  const loop: DetectorLoopItem = {
    ...{ name: 'owner-rule' as const, every_seconds: 10, leader: true, total: 9, skipped: 0, failed: 0 },
    ...{ took_p50_ms: 40, took_max_ms: 90, runs: [run] },
  };

  it.each([
    [{}, 'good'],
    [{ leader: false, runs: [] }, 'good'],
    [{ runs: [] }, 'warning'],
    [{ runs: [{ ...run, skipped: 'the data is 40 s old' }] }, 'warning'],
    [{ runs: [{ ...run, failure: 'the store is down' }] }, 'bad'],
    [{ runs: [{ ...run, started_at: new Date(NOW - 300_000).toISOString() }] }, 'bad'],
  ])('of %j is %s', (changes, tone) => {
    expect(loopVerdict({ ...loop, runs: [run], ...changes }, NOW).tone).toBe(tone);
  });
});

describe('what to do about attribution', () => {
  const item = {
    ...{ service: 's', spans: 10, attributed: 5, adopted: 0, waiting: 0, share: 0.5, points: [] },
    ...{ sources: [{ source: null, requests: 5 }], routes_without_tenant: [{ route: 'GET /a', requests: 5 }] },
  };
  const marked = { ...item, sources: [{ source: 'jwt', requests: 5 }] };

  it('fits what is missing', () => {
    expect(attributionAdvice({ ...item, share: 1 })).toBeNull();
    expect(attributionSnippet({ ...item, share: 1 })).toBeNull();
    expect(attributionSnippet({ ...item, share: 0 })).toContain("setAttribute('tenant_id'");
    expect(attributionSnippet(marked)).toContain('fromHeader');
    expect(attributionSnippet({ ...marked, routes_without_tenant: [] })).toContain('runAsTenant');
  });
});

describe('the first set-up', () => {
  it.each(SETUP_LANGUAGES)('of %s names the address and takes the key from the environment', (language) => {
    const text = setupTexts(language, PLACE)
      .map((part) => part.text)
      .join('\n');
    expect(text).toContain(PLACE.endpoint);
    expect(text).toContain('TENANTRY_KEY');
    expect(text).not.toContain('undefined');
  });

  it('puts a key into the shell, never into a file', () => {
    expect(keyLine('tk_abc-_9')).toBe('export TENANTRY_KEY=tk_abc-_9\n');
    expect(keyLine(undefined)).toContain('<your ingest key>');
  });

  it("gives the Collector's configuration as YAML in which every part that a pipeline names is there", () => {
    // The parser of a dependency: nothing of ours reads YAML.
    const { parse } = createRequire(createRequire(import.meta.url).resolve('@fastify/swagger'))('yaml');
    const config = parse(setupTexts('collector', PLACE)[0]?.text);
    expect(config.exporters['otlphttp/tenantry']).toMatchObject({
      ...{ endpoint: PLACE.endpoint, headers: { 'x-tenantry-key': `\${env:TENANTRY_KEY}` } },
    });
    for (const pipeline of Object.values<Record<string, string[]>>(config.service.pipelines)) {
      for (const kind of ['receivers', 'processors', 'exporters']) {
        for (const name of pipeline[kind] ?? []) expect(config[kind], name).toHaveProperty(name.replace('/', '/'));
      }
    }
  });

  it('says whether anything came, and what to change', () => {
    const body = {
      ...{
        otlp_http_port: 4318,
        otlp_grpc_port: 4317,
        local_only: true,
        key_header: 'x-tenantry-key',
        tenant_attributes: ['tenant_id'],
      },
      ...{ without_key: 0, services: [] },
    };
    const shop = { service: 'shop', last_seen: '', spans: 4, attributed: 4, example_tenant: 'acme' };
    const states = [
      setupCheck(body, 'shop'),
      setupCheck({ ...body, without_key: 3 }, 'shop'),
      setupCheck({ ...body, services: [{ ...shop, attributed: 0, example_tenant: null }] }, 'shop'),
      setupCheck({ ...body, services: [{ ...shop, service: 'other' }, shop] }, 'shop'),
      setupCheck({ ...body, without_key: 3, services: [{ ...shop, service: 'other' }] }, 'shop'),
    ];
    expect(states.map(({ state }) => state)).toEqual(['waiting', 'refused', 'without-tenant', 'arrived', 'waiting']);
    expect(states[4]?.text).toBe('No span of shop has arrived yet. Others have: other was heard of last.');
    expect(states[3]?.text).toBe('shop has sent 4 spans; all of them with a tenant, such as acme.');
    expect(states.map(({ advice }) => advice === null)).toEqual([false, false, false, true, false]);
  });
});
