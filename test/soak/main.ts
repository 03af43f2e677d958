import { failingQueries } from './failing-queries.ts';
import { fuzz } from './fuzz.ts';
import { ingestKills } from './ingest-kills.ts';
import { randomKills } from './random-kills.ts';
import type { Soak } from './soak.ts';
import { spend } from './spend.ts';
import { storeFaults } from './store-faults.ts';
import { twoTenants } from './two-tenants.ts';

const SOAKS: readonly Soak[] = [fuzz, randomKills, ingestKills, spend, storeFaults, failingQueries, twoTenants];

function usage(): string {
  const width = Math.max(...SOAKS.map(({ name }) => name.length));
  const lines = SOAKS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return ['Usage: npm run soak -- [name]   (all of them without a name)', '', ...lines, ''].join('\n');
}

async function main(names: readonly string[]): Promise<number> {
  if (names.includes('--help') || names.includes('-h')) {
    process.stdout.write(usage());
    return 0;
  }
  const wanted = names.length === 0 ? SOAKS : SOAKS.filter(({ name }) => names.includes(name));
  if (wanted.length < names.length || wanted.length === 0) {
    process.stderr.write(`There is no such soak.\n${usage()}`);
    return 2;
  }
  for (const { name, summary, run } of wanted) {
    process.stdout.write(`${name}: ${summary}\n`);
    await run();
  }
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
