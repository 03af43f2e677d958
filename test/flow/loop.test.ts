/** The loop in real time: span in, finding, throttle out, obeyed, over; every step as the API tells it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnomalyItem, AnomalyList, NewThrottle, ThrottleItem, ThrottleList } from '../../src/api/contract.ts';
import { type FlowSaas, startSaas } from '../support/flow-saas.ts';
import { endEverything, type FlowTenantry, startTenantry } from '../support/flow-tenantry.ts';
import { callSaas, Traffic } from '../support/flow-traffic.ts';
import { until } from '../support/flow-waiting.ts';

const THROTTLE_SECONDS = 8;
const QUIET_PER_SECOND = 0.5;
const NOISY_PER_SECOND = 6;
/** From a click to the last app instance; "a second or two". */
const PROMPTLY_MS = 2_500;
/** While the flag stream is still waiting to be tried again, the app asks every 10 s, give or take a tenth. */
const BY_POLLING_MS = 15_000;

let tenantry: FlowTenantry;
let saas: FlowSaas;
let traffic: Traffic | undefined;

const tenant = (index: number) => saas.ready.tenants[index]?.id ?? '';
const anomalies = async () => (await tenantry.ask<AnomalyList>('/v1/anomalies')).body.items;
const throttlesOf = async (id: string, more = '') =>
  (await tenantry.ask<ThrottleList>(`/v1/throttles?tenant_id=${id}${more}`)).body.items;

async function setThrottle(id: string, more: Partial<NewThrottle> = {}): Promise<ThrottleItem> {
  const { status, body } = await tenantry.ask<ThrottleItem>('/v1/throttles', {
    method: 'POST',
    body: {
      tenant_id: id,
      limit: { requests_per_second: 0, burst: 1 },
      mode: 'enforce',
      expires_in_seconds: 60,
      reason: 'set by a test',
      ...more,
    } satisfies NewThrottle,
  });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

function untilAnswered(id: string, status: number, timeoutMs: number) {
  return until(
    `${id} to be answered ${status}`,
    async () => {
      const answer = await callSaas(saas.url, id);
      return answer.status === status ? answer : undefined;
    },
    timeoutMs,
  );
}

beforeAll(async () => {
  tenantry = await startTenantry({
    TENANTRY_AUTO_THROTTLE: 'enforce',
    TENANTRY_THROTTLE_SECONDS: String(THROTTLE_SECONDS),
    TENANTRY_DETECT_MIN_HISTORY_SECONDS: '10',
    TENANTRY_DETECT_INTERVAL_SECONDS: '1',
    // Bare counts of one instance: nobody is slowed down, and nothing is older than a minute.
    TENANTRY_THROTTLE_NEEDS_IMPACT: 'false',
    TENANTRY_THROTTLE_MIN_SOURCES: '1',
    TENANTRY_THROTTLE_MIN_HISTORY_SECONDS: '10',
  });
  saas = await startSaas(tenantry, { tenants: 12 });
  traffic = new Traffic(saas.url);
});
afterAll(async () => {
  traffic?.stop();
  await saas?.stop();
  await endEverything();
});

describe('a noisy neighbour', () => {
  let finding: AnomalyItem;
  let throttle: ThrottleItem;
  const load = () => traffic ?? new Traffic('');
  const noisy = () => tenant(0);
  const others = () => [1, 2, 3, 4, 5].map(tenant);
  const expectOthersServed = () => {
    for (const other of others()) {
      const statuses = load()
        .answers(other)
        .map(({ status }) => status);
      expect(statuses.length, other).toBeGreaterThan(5);
      expect(new Set(statuses), other).toEqual(new Set([200]));
    }
  };

  it('does nothing to anybody while all do what they always do', async () => {
    for (const id of [noisy(), ...others()]) load().rate(id, QUIET_PER_SECOND);
    await until('some history', () => load().answers(noisy()).length >= 17);
    await tenantry.loaded();
    const counted = await tenantry.tenants();
    for (const id of [noisy(), ...others()]) expect(counted.get(id)?.requests, id).toBeGreaterThan(5);
    expect(await anomalies()).toEqual([]);
    expect(
      new Set(
        load()
          .answers(noisy())
          .map(({ status }) => status),
      ),
    ).toEqual(new Set([200]));
  });

  it('is found with its figures, its own baseline and a reason', async () => {
    load().rate(noisy(), NOISY_PER_SECOND);
    finding = await until('a finding', async () => (await anomalies())[0], 90_000);
    expect(finding).toMatchObject({ tenant_id: noisy(), metric: 'requests', rule: 'owner-ratio/1', ended_at: null });
    expect(finding.ratio).toBeGreaterThanOrEqual(3);
    expect(finding.ratio).toBeCloseTo(finding.value / finding.baseline, 6);
    expect(finding.value).toBeGreaterThan(NOISY_PER_SECOND / 3);
    expect(finding.value).toBeLessThan(NOISY_PER_SECOND * 1.5);
    expect(finding.baseline).toBeLessThanOrEqual(QUIET_PER_SECOND * 1.5);
    expect(finding.reason).toContain(`${noisy()} sent ${finding.ratio.toFixed(1)}x its usual requests`);
    expect(await anomalies()).toHaveLength(1);
  });

  it('is throttled by the detector, for this finding, until a stated time; the app says that it obeys', async () => {
    throttle = await until('an acknowledged throttle', async () =>
      (await throttlesOf(noisy())).find(({ acks }) => acks.length > 0),
    );
    expect(throttle).toMatchObject({
      tenant_id: noisy(),
      mode: 'enforce',
      scope: {},
      created_by: 'detector',
      anomaly_id: finding.id,
      acks: [{ service: 'demo-saas' }],
    });
    expect(throttle.reason).toContain(`${noisy()} sent`);
    expect(throttle.reason).toContain(`limited to ${throttle.limit.requests_per_second} requests/s`);
    expect(throttle.limit.requests_per_second).toBeGreaterThanOrEqual(QUIET_PER_SECOND);
    const lifeMs = Date.parse(throttle.expires_at) - Date.parse(throttle.created_at);
    expect(lifeMs / 1_000).toBeCloseTo(THROTTLE_SECONDS, 1);
    expect((await anomalies())[0]?.throttle_id).not.toBeNull();
  });

  it('is answered 429 with Retry-After, at the stated rate, while the others are served all along', async () => {
    const refused = () =>
      load()
        .answers(noisy())
        .filter(({ status }) => status === 429);
    await until('refusals', () => refused().length >= 20);
    for (const { retryAfter, contentType } of refused()) {
      expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
      expect(contentType).toContain('json');
    }
    const statuses = new Set(
      load()
        .answers(noisy())
        .map(({ status }) => status),
    );
    expect(statuses).toEqual(new Set([200, 429]));
    expectOthersServed();
    expect((await tenantry.tenants()).get(noisy())?.throttles).toMatchObject([{ mode: 'enforce' }]);
  });

  it('is served its usual as soon as the burst is over', async () => {
    load().rate(noisy(), QUIET_PER_SECOND);
    const before = load().answers(noisy()).length;
    // The first request may still meet the emptied bucket.
    await until('answers after the burst', () => load().answers(noisy()).length >= before + 5);
    const after = load()
      .answers(noisy())
      .slice(before + 2)
      .map(({ status }) => status);
    expect(new Set(after)).toEqual(new Set([200]));
  });

  it('is let go: the finding ends, the throttles have run out by themselves, nobody is held back', async () => {
    const ended = await until(
      'the end of the finding',
      async () => (await anomalies()).find((one) => one.ended_at),
      120_000,
    );
    expect(ended.id).toBe(finding.id);
    await until('the last throttle to expire', async () => (await throttlesOf(noisy(), '&active=true')).length === 0);
    const all = await throttlesOf(noisy());
    expect(all.map(({ id }) => id)).toContain(throttle.id);
    for (const one of all) {
      expect(one).toMatchObject({ status: 'expired', ended_at: one.expires_at, anomaly_id: finding.id });
    }
    load().stop();
    const rush = await Promise.all(Array.from({ length: 10 }, () => callSaas(saas.url, noisy())));
    expect(rush.map(({ status }) => status)).toEqual(Array<number>(10).fill(200));
    expectOthersServed();
  });
});

describe('a throttle that somebody sets', () => {
  it('is obeyed within two seconds or so, says when to come back, and is lifted as quickly', async () => {
    const id = tenant(7);
    const throttle = await setThrottle(id, { reason: 'import runs wild' });
    const refusal = await untilAnswered(id, 429, PROMPTLY_MS);
    expect(Number(refusal.retryAfter)).toBeGreaterThanOrEqual(1);
    expect((await callSaas(saas.url, tenant(6))).status).toBe(200);
    const [listed] = await throttlesOf(id, '&active=true');
    expect(listed).toMatchObject({ id: throttle.id, reason: 'import runs wild', anomaly_id: null, status: 'active' });

    expect((await tenantry.ask(`/v1/throttles/${throttle.id}`, { method: 'DELETE' })).status).toBe(200);
    await untilAnswered(id, 200, PROMPTLY_MS);
    expect((await throttlesOf(id))[0]).toMatchObject({ id: throttle.id, status: 'lifted' });
  });

  it('refuses nobody in shadow mode, and counts whom it would have refused', async () => {
    const id = tenant(8);
    const throttle = await setThrottle(id, { mode: 'shadow' });
    await until('the app to obey', async () => ((await throttlesOf(id))[0]?.acks.length ?? 0) > 0);
    const answers = await Promise.all(Array.from({ length: 20 }, () => callSaas(saas.url, id)));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(20).fill(200));
    expect((await saas.stats()).middleware.throttle_shadow_refused).toBeGreaterThanOrEqual(18);
    expect((await throttlesOf(id))[0]).toMatchObject({ id: throttle.id, mode: 'shadow', status: 'active' });
  });

  it('holds for its route alone', async () => {
    const id = tenant(9);
    await setThrottle(id, { scope: { service: 'demo-saas', route: '/api/projects' } });
    await untilAnswered(id, 429, PROMPTLY_MS);
    expect((await callSaas(saas.url, id, '/api/search?q=ipsum')).status).toBe(200);
  });

  it('ends in the app at its time while the server is dead, and the app comes back to the server afterwards', async () => {
    const id = tenant(10);
    const lifeMs = 10_000;
    const setAt = performance.now();
    await setThrottle(id, { expires_in_seconds: lifeMs / 1_000 });
    await untilAnswered(id, 429, PROMPTLY_MS);
    // Stopped, the supervisor cannot start another server.
    process.kill(tenantry.pid, 'SIGSTOP');
    process.kill(tenantry.part('server'), 'SIGKILL');
    await until('the API to be gone', () =>
      tenantry.ask('/healthz').then(
        () => false,
        () => true,
      ),
    );
    expect((await callSaas(saas.url, id)).status).toBe(429);
    expect((await callSaas(saas.url, tenant(6))).status).toBe(200);
    await untilAnswered(id, 200, lifeMs);
    const lived = performance.now() - setAt;
    expect(lived).toBeGreaterThan(lifeMs - 1_000);
    expect(lived).toBeLessThan(lifeMs + 3_000);
    await expect(tenantry.ask('/healthz')).rejects.toThrow();

    process.kill(tenantry.pid, 'SIGCONT');
    await until('the API to be back', async () => (await tenantry.ask('/healthz')).status === 200);
    expect((await throttlesOf(id))[0]).toMatchObject({ status: 'expired' });
    const again = await setThrottle(id);
    await untilAnswered(id, 429, 60_000);
    expect((await tenantry.ask(`/v1/throttles/${again.id}`, { method: 'DELETE' })).status).toBe(200);
    await untilAnswered(id, 200, BY_POLLING_MS);
  });
});
