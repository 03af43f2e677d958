import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { KeyCheck } from '../../ingest/key-check.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import { KEY_SNAPSHOT_FILE } from '../../src/domain/spool-format.ts';
import { ChangeListener } from '../../src/store/postgres/change-listener.ts';
import { KeyStore } from '../../src/store/postgres/key-store.ts';
import { silentLog, startTestPostgres } from '../support/postgres.ts';
import type { Bench } from './bench.ts';
import { median, p95, print, printTable } from './measure.ts';

const ADMIN: StaffActor = { kind: 'staff', subject: 'bench', role: 'admin' };
const KEYS = 1_000;
/** Checks that one sample times: a single one is below the clock's grain. */
const CHECKS = 50;
const WARM_UPS = 200;
const SAMPLES = 2_000;
/** The others are told as multiples of it. */
const BASE = 'unknown';

type Check = (key: string) => unknown;

const randomKey = () => `tk_${randomBytes(32).toString('base64url')}`;

/** Nanoseconds of one check, by kind of key; the kinds take turns, so that whatever else happens hits all alike. */
async function timesOf(check: Check, kinds: ReadonlyMap<string, readonly string[]>): Promise<Map<string, number[]>> {
  const times = new Map([...kinds.keys()].map((kind): [string, number[]] => [kind, []]));
  for (let sample = 0; sample < WARM_UPS + SAMPLES; sample += 1) {
    for (const [kind, keys] of kinds) {
      const key = keys[sample % keys.length] ?? '';
      const startedAt = performance.now();
      for (let n = 0; n < CHECKS; n += 1) await check(key);
      const nanoseconds = ((performance.now() - startedAt) * 1e6) / CHECKS;
      if (sample >= WARM_UPS) times.get(kind)?.push(nanoseconds);
    }
  }
  return times;
}

function report(title: string, times: ReadonlyMap<string, readonly number[]>): void {
  const base = median(times.get(BASE) ?? []);
  print(title);
  printTable([
    ['key', 'median ns', 'P95 ns', `median / ${BASE}`],
    ...[...times].map(([kind, all]) => [
      kind,
      median(all).toFixed(0),
      p95(all).toFixed(0),
      (median(all) / base).toFixed(3),
    ]),
  ]);
  print();
}

/** Both doors that check keys: what a stranger could learn from how long the answer took. */
export const keyTiming: Bench = {
  name: 'key-timing',
  summary: 'how long the check of a key takes that is unknown, nearly right, revoked, expired or malformed',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'tenantry-bench-'));
    const db = await startTestPostgres();
    const changes = new ChangeListener({ url: db.appUrl, log: silentLog });
    const bootstrapKeys = [{ id: 'bootstrap', key: randomKey(), scopes: ['ingest'] as const }];
    const store = new KeyStore({ postgres: db.postgres, changes, bootstrapKeys, log: silentLog });
    let ingest: KeyCheck | undefined;
    try {
      await store.refresh();
      await db.postgres.inStaffTransaction(ADMIN, async (transaction) => {
        transaction.unaudited('rows of a bench');
        await transaction.query(
          `insert into tenantry.keys (name, sha256, scopes, created_by)
           select 'bench', encode(sha256(('bench' || n)::bytea), 'hex'), '{ingest}', 'bench' from generate_series(1, $1::int) n`,
          [KEYS],
        );
      });
      const make = (more: { expiresAt?: number } = {}) =>
        store.create(ADMIN, { name: 'bench', scopes: ['ingest'], ...more });
      const good = await make();
      const revoked = await make();
      const expired = await make({ expiresAt: Date.now() + 500 });
      await store.revoke(ADMIN, revoked.record.id);
      writeFileSync(join(folder, KEY_SNAPSHOT_FILE), JSON.stringify(store.snapshot()));
      ingest = await KeyCheck.start({ folder, bootstrapKey: bootstrapKeys[0]?.key, log: silentLog });
      await new Promise((resolve) => setTimeout(resolve, 600));
      const many = (make1: () => string) => Array.from({ length: 64 }, make1);
      const nearly = (length: number) => many(() => good.key.slice(0, length) + randomKey().slice(length));
      const kinds = new Map([
        [BASE, many(randomKey)],
        ['unknown, first half right', nearly(24)],
        ['unknown, all but one letter right', nearly(good.key.length - 1)],
        ['revoked', [revoked.key]],
        ['expired', [expired.key]],
        ['malformed, as long', many(() => randomKey().replaceAll('_', '!'))],
        ['right', [good.key]],
      ]);
      const knock = (key: string) => {
        try {
          return ingest?.verify({ authorization: `Bearer ${key}` });
        } catch {
          return undefined;
        }
      };
      print(`${KEYS + 2} keys; ${SAMPLES} samples of ${CHECKS} checks`);
      print();
      report('API (KeyStore.verify)', await timesOf((key) => store.verify(key), kinds));
      report('ingest (KeyCheck.verify)', await timesOf(knock, kinds));
      print(
        'Keys are compared as hashes looked up in a map: no letter of a key that is right is found sooner than another.',
      );
    } finally {
      await ingest?.stop();
      await changes.stop();
      await db.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
