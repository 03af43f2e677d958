/** Servers and app instances as processes of their own over one database, killed in between. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spendRates } from '../../src/app/spend-rates.ts';
import { zoneOrUtc } from '../../src/app/spend-standing.ts';
import { SpendDesk } from '../../src/control/spend-desk.ts';
import type { SpendAccount, SpendCapTerms } from '../../src/domain/spend.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { CapStore } from '../../src/store/postgres/cap-store.ts';
import { SpendBook } from '../../src/store/postgres/spend-book.ts';
import type { TestPostgres } from './postgres.ts';
import { killHard, runSql } from './postgres-child.ts';
import { testBook } from './price-books.ts';
import { spendCap } from './spend-samples.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/dist\/$/, '');
const INSTANCES = 3;
const STAFF = { kind: 'staff', subject: 'ada', role: 'admin' } as const;
const running = new Set<ChildProcess>();

process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface FleetOutcome {
  /** Micro-units that the provider charged. */
  readonly charged: number;
  readonly chargedCalls: number;
  readonly amount: number;
  readonly refused: number;
  readonly account: SpendAccount;
  /** Reservations that are neither settled nor charged. */
  readonly open: number;
  /** Reservations that were charged because their instance was killed. */
  readonly presumed: number;
}

interface Child {
  readonly process: ChildProcess;
  /** Lines that it says. */
  readonly next: () => Promise<string>;
}

function start(script: string, args: readonly string[]): Child {
  const child = spawn(process.execPath, [join(ROOT, 'dist/test/support/children', script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    next: async () => {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${script} ended before it said anything`);
      return String(value);
    },
  };
}

/**
 * `calls` AI calls from three instances at once, each on a server of its own, under a cap that a part of them fits
 * under. On the way one instance and one server are killed; the server comes back. Then time passes until every
 * reservation without a settlement has expired.
 */
export async function runFleet(db: TestPostgres, calls: number, amount: number): Promise<FleetOutcome> {
  const tenantId = `fleet-${randomUUID()}` as TenantId;
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-fleet-'));
  const ledger = join(folder, 'charged');
  const key = `tk_${randomBytes(16).toString('hex')}`;
  const caps = new CapStore(db.postgres);
  const { tenantId: _tenant, plan: _plan, updatedBy: _by, updatedAt: _at, ...terms } = spendCap();
  // Closed: nothing is spent that was not reserved, so that the cap alone is the measure.
  const strict: SpendCapTerms = { ...terms, period: 'month', amountMicro: amount, onUnavailable: 'closed' };
  await caps.put(STAFF, tenantId, strict);
  const servers = await Promise.all(
    Array.from({ length: INSTANCES }, async () => {
      const child = start('spend-server.js', [db.appUrl, '0', key]);
      return { child, port: await child.next() };
    }),
  );
  const apps = servers.map(({ port }) =>
    start('spend-app.js', [`http://127.0.0.1:${port}`, key, tenantId, String(Math.ceil(calls / INSTANCES)), ledger]),
  );
  try {
    await Promise.all(apps.map((app) => app.next()));
    // In the middle of things: under a small cap there are few calls before it is reached.
    await until(() => chargedIn(ledger).length > Math.min(20, amount / 5_000));
    const [first, second] = apps;
    if (first?.process.exitCode === null) await killHard(first.process);
    const [, server] = servers;
    if (server !== undefined) {
      await killHard(server.child.process);
      const again = start('spend-server.js', [db.appUrl, server.port, key]);
      await again.next();
    }
    const reports = await Promise.all(
      [second, apps[2]].map(async (app) => JSON.parse((await app?.next()) ?? '{}') as { refused: number }),
    );
    return await settleUp(db, tenantId, amount, ledger, reports);
  } finally {
    await Promise.all([...running].map((child) => killHard(child)));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function settleUp(
  db: TestPostgres,
  tenantId: TenantId,
  amount: number,
  ledger: string,
  reports: readonly { readonly refused: number }[],
): Promise<FleetOutcome> {
  const book = testBook();
  const desk = new SpendDesk(new SpendBook(db.postgres), {
    zone: zoneOrUtc,
    rates: spendRates({ current: () => book }),
  });
  // A minute passes for whoever is not heard of any more.
  await runSql(
    db.ownerUrl,
    `update tenantry.spend_reservations set expires_at = clock_timestamp() where state = 'open' and tenant_id = '${tenantId}'`,
  );
  const presumed = await desk.expireDue();
  const { accounts } = await new CapStore(db.postgres).standing(STAFF, { tenants: [tenantId], offset: 0, limit: 10 });
  const [account] = accounts;
  if (account === undefined) throw new Error('the fleet spent nothing');
  const [row] = await runSql(
    db.ownerUrl,
    `select count(*)::int as open from tenantry.spend_reservations where state = 'open' and tenant_id = '${tenantId}'`,
  );
  const charges = chargedIn(ledger);
  return {
    charged: charges.reduce((sum, micro) => sum + micro, 0),
    chargedCalls: charges.length,
    amount,
    refused: reports.reduce((sum, { refused }) => sum + refused, 0),
    account,
    open: Number(row?.['open']),
    presumed,
  };
}

function chargedIn(ledger: string): readonly number[] {
  if (!existsSync(ledger)) return [];
  // The killed instance may have left half a line; what it says is unknown, and the longer one is the dearer.
  return readFileSync(ledger, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let waited = 0; !isTrue(); waited += 20) {
    if (waited > 30_000) throw new Error('the instances made no calls');
    await delay(20);
  }
}
