/**
 * The receiver and the loader, as they are built, are killed with -9 at random instants, one alone or both at once, while
 * clients send and send again. In the end the store holds what was acknowledged, each span once, in every table.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Random, seededRandom } from '../../src/demo/random.ts';
import { aRandomWhile, Immortal, migrateStore, startLoader, startReceiver } from './ingest-kill-processes.ts';
import { KillSender, type Sent } from './ingest-kill-sender.ts';
import { type StoredAccount, storedAccount } from './ingest-kill-store.ts';
import { temporaryDataDir } from './otlp-segment.ts';

const KEY = 'kill-test-key-0123456789';
const SENDERS = 6;
const PAUSE_MS = 15;
/** Share of the kills that hit a process which is starting, and so in the middle of its recovery. */
const WHILE_STARTING = 0.25;

/** The loader has loaded nothing for so long. */
const STUCK_MS = 30_000;

export interface KillPlan {
  readonly receiver: number;
  readonly loader: number;
  readonly both: number;
  readonly seed: number;
  /** Milliseconds for which a process lives at most before it is killed. */
  readonly lifeMs: number;
  /** More settings of the receiver. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface KillReport {
  readonly seed: number;
  readonly seconds: number;
  readonly kills: { readonly receiver: number; readonly loader: number; readonly both: number };
  readonly killsWhileStarting: number;
  readonly acknowledged: number;
  readonly sentAgain: number;
  /** By tenant: what the clients were told is stored, and what is. */
  readonly sent: ReadonlyMap<string, Sent>;
  readonly stored: StoredAccount;
  readonly quarantined: readonly string[];
  readonly receiverExit: number | null;
  readonly startMs: { readonly receiver: number; readonly loader: number };
}

/** Runs until everything that was planned is killed and all that was sent is loaded. */
export async function runIngestKills(plan: KillPlan): Promise<KillReport> {
  const dir = temporaryDataDir();
  try {
    migrateStore(dir.path);
    const world = new KillWorld(dir.path, plan);
    const report = await world.run();
    return { ...report, stored: await storedAccount(join(dir.path, 'clickhouse')) };
  } finally {
    dir.remove();
  }
}

class KillWorld {
  readonly #spool: string;
  readonly #plan: KillPlan;
  readonly #random: Random;
  readonly #receiver: Immortal;
  readonly #loader: Immortal;
  #port = 1;
  #both = 0;

  constructor(dataDir: string, plan: KillPlan) {
    this.#spool = join(dataDir, 'spool');
    this.#plan = plan;
    this.#random = seededRandom(plan.seed);
    const env = {
      TENANTRY_DATA_DIR: dataDir,
      TENANTRY_OTLP_HTTP_PORT: '0',
      TENANTRY_OTLP_GRPC_PORT: '0',
      TENANTRY_INGEST_KEY: KEY,
      // Every segment is an insert, and every insert costs its analysis: many are sealed by size, the rest by a start.
      TENANTRY_SEGMENT_BYTES: '60000',
      TENANTRY_LOG_LEVEL: 'error',
      ...plan.settings,
    };
    this.#receiver = new Immortal(
      () => startReceiver(env),
      (message) => {
        this.#port = (message as { httpPort?: number }).httpPort ?? 1;
      },
    );
    this.#loader = new Immortal(() => startLoader(dataDir));
  }

  async run(): Promise<Omit<KillReport, 'stored'>> {
    const { seed, receiver, loader } = this.#plan;
    const begun = performance.now();
    const senders = Array.from(
      { length: SENDERS },
      (_, index) => new KillSender({ port: () => this.#port, key: KEY, random: seededRandom(seed + index + 1) }),
    );
    try {
      const sending = Promise.all(senders.map((sender) => sender.run(PAUSE_MS)));
      const killing = Promise.all([this.#killAgain(this.#receiver, receiver), this.#killAgain(this.#loader, loader)]);
      await Promise.race([killing, sending]);
      await this.#killBoth();
      for (const sender of senders) sender.stop();
      await sending;
      const receiverExit = await this.#receiver.end((child) => child.kill('SIGTERM'));
      await this.#drained();
      await this.#loader.end((child) => child.send('stop'));
      return {
        ...{ seed, seconds: Math.round((performance.now() - begun) / 1_000), receiverExit },
        kills: {
          receiver: this.#receiver.kills - this.#both,
          loader: this.#loader.kills - this.#both,
          both: this.#both,
        },
        killsWhileStarting: this.#receiver.killsWhileStarting + this.#loader.killsWhileStarting,
        acknowledged: senders.reduce((sum, sender) => sum + sender.acknowledged, 0),
        sentAgain: senders.reduce((sum, sender) => sum + sender.again, 0),
        sent: sumByTenant(senders),
        quarantined: readdirSync(join(this.#spool, 'quarantine')),
        startMs: { receiver: median(this.#receiver.startMs), loader: median(this.#loader.startMs) },
      };
    } finally {
      this.#receiver.destroy();
      this.#loader.destroy();
    }
  }

  async #killAgain(victim: Immortal, kills: number): Promise<void> {
    for (let kill = 0; kill < kills; kill++) {
      if (this.#random() >= WHILE_STARTING) await victim.ready();
      await aRandomWhile(this.#plan.lifeMs, this.#random);
      await victim.kill();
    }
  }

  async #killBoth(): Promise<void> {
    for (; this.#both < this.#plan.both; this.#both++) {
      await Promise.all([this.#receiver.ready(), this.#loader.ready()]);
      await aRandomWhile(this.#plan.lifeMs, this.#random);
      await Promise.all([this.#receiver.kill(), this.#loader.kill()]);
    }
  }

  async #drained(): Promise<void> {
    let [least, at] = [Number.POSITIVE_INFINITY, Date.now()];
    for (;;) {
      const left = readdirSync(join(this.#spool, 'open')).length + readdirSync(join(this.#spool, 'sealed')).length;
      if (left === 0) return;
      if (left < least) [least, at] = [left, Date.now()];
      assert.ok(Date.now() - at < STUCK_MS, `${left} segments are not being loaded`);
      await delay(50);
    }
  }
}

function sumByTenant(senders: readonly KillSender[]): Map<string, Sent> {
  const sums = new Map<string, Sent>();
  for (const [tenant, sent] of senders.flatMap((sender) => [...sender.sent])) {
    const sum = sums.get(tenant);
    const names = Object.keys(sent) as (keyof Sent)[];
    sums.set(
      tenant,
      Object.fromEntries(names.map((name) => [name, sent[name] + (sum?.[name] ?? 0)])) as unknown as Sent,
    );
  }
  return sums;
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0);
}

/** The table that the test and the soak print. */
export function killTable({
  kills,
  killsWhileStarting,
  acknowledged,
  sentAgain,
  sent,
  stored,
  ...rest
}: KillReport): string {
  const spans = [...sent.values()].reduce((sum, each) => sum + each.spans, 0);
  const points = [...sent.values()].reduce((sum, each) => sum + each.points, 0);
  const all = kills.receiver + kills.loader + kills.both;
  return [
    `seed ${rest.seed}: ${all} kills in ${rest.seconds} s (receiver ${kills.receiver}, loader ${kills.loader}, both ${kills.both}; ${killsWhileStarting} of them while starting)`,
    `start to ready, median: receiver ${rest.startMs.receiver} ms, loader ${rest.startMs.loader} ms`,
    `${acknowledged} requests acknowledged, ${sentAgain} times one was sent again`,
    '',
    '            acknowledged     stored    missing    doubled',
    line('spans', spans, stored.spans),
    line('points', points, stored.points),
    `rollups that differ from what was stored: ${stored.differing.join(', ') || 'none'} (of ${stored.views})`,
  ].join('\n');
}

function line(what: string, acknowledged: number, { rows, distinct }: { rows: number; distinct: number }): string {
  return [
    what.padEnd(8),
    ...[acknowledged, rows, acknowledged - distinct, rows - distinct].map((n) => String(n).padStart(11)),
  ].join('');
}
