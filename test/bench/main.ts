import type { Bench } from './bench.ts';
import { blame } from './blame.ts';
import { bytesPerSpan } from './bytes-per-span.ts';
import { control } from './control.ts';
import { cost } from './cost.ts';
import { cpuAttribution } from './cpu-attribution.ts';
import { dashboards } from './dashboards.ts';
import { detect } from './detect.ts';
import { flagFanout } from './flag-fanout.ts';
import { flagLatency } from './flag-latency.ts';
import { flood } from './flood.ts';
import { ingest } from './ingest.ts';
import { insertOverhead } from './insert-overhead.ts';
import { keyTiming } from './key-timing.ts';
import { print, printMachine } from './measure.ts';
import { middleware } from './middleware.ts';
import { noisyToRefusal } from './noisy-to-refusal.ts';
import { rollups } from './rollups.ts';
import { storage } from './storage.ts';

const BENCHES: readonly Bench[] = [
  blame,
  bytesPerSpan,
  control,
  cost,
  cpuAttribution,
  dashboards,
  detect,
  flagFanout,
  flagLatency,
  flood,
  ingest,
  insertOverhead,
  keyTiming,
  middleware,
  noisyToRefusal,
  rollups,
  storage,
];

function usage(): string {
  const width = Math.max(...BENCHES.map(({ name }) => name.length));
  const lines = BENCHES.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return ['Usage: npm run bench -- <name>', '', ...lines].join('\n');
}

async function main(names: readonly string[]): Promise<number> {
  const [name, ...options] = names;
  if (name === undefined || name === '--help' || name === '-h') {
    print(usage());
    return name === undefined ? 2 : 0;
  }
  const bench = BENCHES.find((one) => one.name === name);
  if (bench === undefined || (options.length > 0 && !options[0]?.startsWith('--'))) {
    process.stderr.write(bench === undefined ? `There is no bench "${name}".\n` : 'One bench at a time.\n');
    process.stderr.write(`${usage()}\n`);
    return 2;
  }
  print(`${bench.name}: ${bench.summary}`);
  printMachine();
  print();
  await bench.run(options);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
