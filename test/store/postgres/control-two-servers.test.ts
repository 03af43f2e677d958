/** Two servers on one database: the kill switch and the allow-list reach the apps of both. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KillSwitch } from '../../../src/app/control-kill-switch.ts';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { FlagChange } from '../../../src/domain/flag-wire.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AllowList } from '../../../src/store/postgres/allow-list.ts';
import { AnomalyStore } from '../../../src/store/postgres/anomaly-store.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { ChangeListener } from '../../../src/store/postgres/change-listener.ts';
import { ControlSwitchStore } from '../../../src/store/postgres/control-switch-store.ts';
import { FlagFeed } from '../../../src/store/postgres/flag-feed.ts';
import { ThrottleStore } from '../../../src/store/postgres/throttle-store.ts';
import { finding } from '../../support/control-situation.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const ANN: StaffActor = { kind: 'staff', subject: 'ann', role: 'sre' };
const BOB: StaffActor = { kind: 'staff', subject: 'bob', role: 'admin' };
const DETECTOR: StaffActor = { kind: 'system', subject: 'detector' };
const NOISY = 'noisy' as TenantId;
const _HASH = 'a'.repeat(64);
const _DAY_MS = 86_400_000;

let db: TestPostgres;
beforeAll(async () => {
  db = await startTestPostgres();
});
afterAll(() => db.stop());

const audited = async (limit = 20) =>
  (await new AuditLog(db.postgres).list(BOB, { limit })).map(({ action, subject }) => `${action} by ${subject}`);

describe('two servers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-two-servers-'));
  const stops: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const stop of stops) await stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function server(name: string) {
    const changes = new ChangeListener({ url: db.appUrl, log: silentLog });
    const feed = new FlagFeed({ postgres: db.postgres, changes, log: silentLog, sparedRoutes: ['login'] });
    const store = new ControlSwitchStore(db.postgres);
    const killSwitch = new KillSwitch({ file: join(folder, name), forced: false, log: silentLog, shared: store });
    killSwitch.onChange((on) => feed.withholdAutomatic(on));
    feed.onKillSwitch((shared) => killSwitch.hear(shared));
    const told: { revision: number; automatic: boolean }[] = [];
    const tell = async () => {
      const { revision, flags } = await feed.snapshot(undefined);
      told.push({ revision, automatic: flags.some((flag) => flag.automatic === true) });
    };
    feed.onReset(() => void tell());
    const heard: FlagChange[] = [];
    feed.subscribe(undefined, (change) => heard.push(change));
    await killSwitch.start();
    await feed.refresh();
    changes.start();
    stops.push(async () => {
      killSwitch.stop();
      await changes.stop();
    });
    return { feed, killSwitch, told, heard };
  }

  const automatic = async (tenantId: TenantId) => {
    const anomaly = await new AnomalyStore(db.postgres).open(finding(tenantId, { id: randomUUID() }).anomaly);
    return new ThrottleStore(db.postgres).create(DETECTOR, {
      ...{ tenantId, scope: {}, limit: { requestsPerSecond: 1, burst: 1 }, mode: 'enforce' as const },
      ...{ expiresInSeconds: 600, reason: 'because', anomalyId: anomaly.id },
    });
  };

  it('stop telling of automatic throttles when one is switched off, and whoever obeys its revision obeys it', async () => {
    const [a, b] = [await server('a'), await server('b')];
    await automatic(NOISY);
    await a.feed.refresh();
    await b.feed.refresh();
    const flagsOf = async ({ feed }: typeof b) => (await feed.snapshot(undefined)).flags;
    expect(await flagsOf(b)).toMatchObject([{ automatic: true, spared_routes: ['login'] }]);

    const { revision } = await a.killSwitch.set(ANN, true, 'drill');
    await expect.poll(() => b.killSwitch.state()).toMatchObject({ on: true, reason: 'drill', by: 'ann' });
    expect(await flagsOf(a)).toEqual([]);
    expect(await flagsOf(b)).toEqual([]);
    // The other server's apps hear of that revision only in a snapshot without the throttle.
    expect(b.told.at(-1)).toEqual({ revision, automatic: false });
    expect(b.heard.some((change) => change.revision === revision)).toBe(false);

    await b.killSwitch.set(BOB, false, 'over');
    await expect.poll(() => a.killSwitch.state().on).toBe(false);
    await expect.poll(() => flagsOf(a)).toMatchObject([{ automatic: true }]);
    expect(await audited(2)).toEqual(['kill_switch.set by bob', 'kill_switch.set by ann']);
  });

  it('tell apps at once whom automation leaves alone, and lift what it did to them', async () => {
    const a = await server('c');
    const list = new AllowList(db.postgres);
    const quiet = 'quiet' as TenantId;
    const { flag } = await automatic(quiet);
    await list.put(ANN, quiet, { owner: 'ann', reason: 'migrates', expiresInSeconds: 3_600 });
    // A decision that was on its way comes too late.
    await expect(automatic(quiet)).rejects.toMatchObject({ code: 'CONFLICT' });
    await a.feed.refresh();
    const told = async () => (await a.feed.snapshot(quiet)).flags.map(({ kind }) => kind);
    expect(await told()).toEqual(['allow']);
    const [earlier] = await new ThrottleStore(db.postgres).list(ANN, {
      tenantId: quiet,
      activeOnly: false,
      limit: 5,
    });
    expect(earlier).toMatchObject({ flag: { id: flag.id }, liftedBy: 'ann' });
    await list.put(BOB, quiet, { owner: 'bob', reason: 'longer', expiresInSeconds: 300 * 86_400 });
    await list.remove(ANN, quiet);
    await a.feed.refresh();
    expect(await told()).toEqual([]);
  });
});
