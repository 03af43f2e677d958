import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';

export interface Cost {
  readonly wallMs: number;
  /** User and system time of this process, all threads: what the engine's threads burn is in it. */
  readonly cpuMs: number;
}

export async function measured(work: () => Promise<unknown>): Promise<Cost> {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  await work();
  const cpu = process.cpuUsage(before);
  return { wallMs: performance.now() - startedAt, cpuMs: (cpu.user + cpu.system) / 1_000 };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that 95 % of all are not above. */
export function p95(values: readonly number[]): number {
  const place = Math.min(values.length - 1, Math.ceil(values.length * 0.95) - 1);
  return values.toSorted((left, right) => left - right)[place] ?? Number.NaN;
}

/** Medians of wall and CPU time over `rounds` runs, taken separately; `warmUps` runs before them do not count. */
export async function medianCost(
  { warmUps, rounds }: { readonly warmUps: number; readonly rounds: number },
  work: (round: number) => Promise<unknown>,
): Promise<Cost> {
  const costs: Cost[] = [];
  for (let round = 0; round < warmUps + rounds; round += 1) {
    const cost = await measured(() => work(round));
    if (round >= warmUps) costs.push(cost);
  }
  return { wallMs: median(costs.map((cost) => cost.wallMs)), cpuMs: median(costs.map((cost) => cost.cpuMs)) };
}

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Columns as wide as their widest cell; the first to the left, figures to the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    print(
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    );
  }
}

/** Figures mean nothing without it. */
export function printMachine(): void {
  const all = cpus();
  print(
    `${all.length} x ${all[0]?.model.trim() ?? 'unknown CPU'}, ${process.platform} ${process.arch}, node ${process.version}`,
  );
}
