import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { KEY_SNAPSHOT_FILE, type KeySnapshot } from '../../src/domain/spool-format.ts';
import type { Bench } from './bench.ts';
import { BenchChild, type Usage } from './child-messages.ts';
import { FloodBodies } from './flood-body.ts';
import { type Sent, sendSteadily, sendTraces } from './flood-sender.ts';
import { print, printTable } from './measure.ts';
import { temporaryFolder } from './temporary-folder.ts';

const OTHERS = 20;
/** Requests a second of each of the others, and spans in each. */
const OTHERS_RATE = 4;
const OTHERS_SPANS = 100;
const TIMES = 50;
const KEY_REQUESTS = 20;
const TENANT_SPANS = 1_000;
const DEFAULT_SECONDS = 60;

const keyOf = (name: string) => `bench-flood-key-${name}`;
const otherName = (index: number) => `other-${index}`;

interface Phase {
  readonly name: string;
  readonly others: readonly Sent[];
  readonly flood: { readonly sent: number; readonly taken: number } | undefined;
  readonly cpuMs: number;
}

/** @throws Error for what is no number of seconds */
function secondsOption(options: readonly string[]): number {
  const seconds = options[0] === '--seconds' ? Number(options[1]) : DEFAULT_SECONDS;
  if (!(seconds >= 1)) throw new Error('--seconds takes a number from 1');
  return seconds;
}

function writeKeys(dataDir: string): void {
  const names = ['flood', 'shared', ...Array.from({ length: OTHERS }, (_, index) => otherName(index))];
  const keys = names.map((name) => ({
    ...{ id: name, scopes: ['ingest'] },
    sha256: createHash('sha256').update(keyOf(name)).digest('hex'),
  }));
  const snapshot: KeySnapshot = { revision: 1, keys };
  mkdirSync(join(dataDir, 'spool'), { recursive: true });
  writeFileSync(join(dataDir, 'spool', KEY_SNAPSHOT_FILE), JSON.stringify(snapshot));
}

/** Sends what the others send, and what a flood sends beside them, for so long. */
async function phase(
  name: string,
  { receiver, port, seconds }: { receiver: BenchChild; port: number; seconds: number },
  flood?: Scenario,
): Promise<Phase> {
  const args = flood === undefined ? [] : [String(port), keyOf(flood.key), 'flood', String(flood.spans)];
  const flooder =
    flood === undefined
      ? undefined
      : await BenchChild.start('flood-sender-child.js', [...args, String(flood.perSecond)]);
  const agent = new Agent({ keepAlive: true });
  const before = await receiver.ask<Usage>('usage');
  await flooder?.child.ask('start');
  const stopped = new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  const others = await Promise.all(
    Array.from({ length: OTHERS }, (_, index) => {
      const bodies = new FloodBodies(otherName(index), OTHERS_SPANS);
      const send = () => sendTraces(agent, port, keyOf(otherName(index)), bodies.next());
      return sendSteadily(send, OTHERS_RATE, stopped);
    }),
  );
  const counts = await flooder?.child.ask<{ sent: number; taken: number }>('stop');
  const after = await receiver.ask<Usage>('usage');
  await flooder?.child.end();
  agent.destroy();
  return { name, others: others.flat(), flood: counts, cpuMs: after.cpuMs - before.cpuMs };
}

/** What floods, and the limit that it floods against. */
interface Scenario {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly key: string;
  readonly spans: number;
  readonly perSecond: number;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: `a key at ${TIMES} times its requests`,
    settings: { TENANTRY_LIMIT_KEY_REQUESTS_PER_SECOND: String(KEY_REQUESTS) },
    ...{ key: 'flood', spans: 100, perSecond: TIMES * KEY_REQUESTS },
  },
  {
    // Of a key for all tenants: whose spans they are shows only once they are decompressed and checked.
    name: `a tenant at ${TIMES} times its spans`,
    settings: { TENANTRY_LIMIT_TENANT_SPANS_PER_SECOND: String(TENANT_SPANS) },
    ...{ key: 'shared', spans: 500, perSecond: (TIMES * TENANT_SPANS) / 500 },
  },
];

async function play(scenario: Scenario, seconds: number): Promise<readonly Phase[]> {
  const folder = temporaryFolder();
  writeKeys(folder.path);
  const settings = { TENANTRY_LIMIT_BURST_SECONDS: '2', ...scenario.settings };
  const args = [folder.path, keyOf('bootstrap'), JSON.stringify(settings)];
  const { child: receiver, ready } = await BenchChild.start<{ port: number }>('receiving-child.js', args);
  const where = { receiver, port: ready.port };
  try {
    await phase('warm-up', { ...where, seconds: 3 });
    const quiet = await phase('quiet', { ...where, seconds });
    return [quiet, await phase(scenario.name, { ...where, seconds }, scenario)];
  } finally {
    await receiver.end();
    folder.remove();
  }
}

export const flood: Bench = {
  name: 'flood',
  summary:
    'one key, then one tenant, at 50 times its limit: what twenty others feel (--seconds <number>: of each phase)',
  async run(options) {
    const seconds = secondsOption(options);
    const rows = [['phase', 'others sent', 'refused', 'P50 ms', 'P99 ms', 'flood sent/s', 'taken/s', 'receiver CPU %']];
    const ratios: string[] = [];
    for (const scenario of SCENARIOS) {
      const [quiet, flooded] = await play(scenario, seconds);
      if (quiet === undefined || flooded === undefined) throw new Error('a phase is missing');
      rows.push(rowOf(quiet, seconds), rowOf(flooded, seconds));
      const ratio = percentile(timesOf(flooded), 0.99) / percentile(timesOf(quiet), 0.99);
      ratios.push(`ratio, P99 of the others beside ${scenario.name} to quiet: ${ratio.toFixed(2)}`);
    }
    printTable(rows);
    print();
    for (const ratio of ratios) print(ratio);
  },
};

const timesOf = ({ others }: Phase) => others.map(({ ms }) => ms);

function rowOf(one: Phase, seconds: number): string[] {
  const times = timesOf(one);
  const refused = one.others.filter(({ status }) => status !== 200).length;
  return [
    ...[one.name, String(one.others.length), String(refused)],
    ...[percentile(times, 0.5).toFixed(2), percentile(times, 0.99).toFixed(2)],
    ...[one.flood?.sent, one.flood?.taken].map((count) => (count === undefined ? '-' : (count / seconds).toFixed(0))),
    (one.cpuMs / seconds / 10).toFixed(0),
  ];
}

function percentile(values: readonly number[], share: number): number {
  return (
    values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * share) - 1)] ?? Number.NaN
  );
}
