import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backtestPool } from '../../src/app/backtest-pool.ts';
import type { BadLine } from '../../src/app/backtest-rows.ts';
import { simulatePool } from '../support/blame-queue.ts';

const HEADER = 'ts_unix,resource,tenant_id,requests,cpu_ms,db_ms,p95_ms';
const START = 1_772_000_040;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-pool-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function replay(lines: readonly string[]) {
  const input = join(folder, 'pool.csv');
  const output = join(folder, 'blame.jsonl');
  writeFileSync(input, `${lines.join('\n')}\n`);
  const bad: BadLine[] = [];
  const count = await backtestPool({ input, output, onBadLine: (line) => bad.push(line) });
  const verdicts = readFileSync(output, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  return { count, bad, verdicts };
}

function linesOf(resource: string, pool: ReturnType<typeof simulatePool>): { at: number; line: string }[] {
  return pool.minutes.flatMap(({ at, uses }) =>
    [...uses].map(([tenant, { requests, cpuMs, dbMs, p95Ms }]) => ({
      at,
      line: [START + at * 60, resource, tenant, requests, cpuMs.toFixed(1), dbMs.toFixed(1), p95Ms ?? ''].join(','),
    })),
  );
}

describe('backtest of pools', () => {
  it('judges every resource by itself and writes a verdict a minute', async () => {
    const noisy = simulatePool({ seed: 7, incident: 'burst', setting: 'standard' });
    const slow = simulatePool({ seed: 7, incident: 'slow-dependency', setting: 'standard' });
    const rows = [...linesOf('api', noisy), ...linesOf('db', slow)].toSorted((a, b) => a.at - b.at);
    const { count, verdicts } = await replay([HEADER, ...rows.map(({ line }) => line)]);
    expect(count).toMatchObject({ rows: rows.length, badLines: 0 });
    const of = (resource: string) => verdicts.filter((verdict) => verdict.resource === resource);
    expect(of('api')[0].verdict).toBe('culprit');
    expect(of('api')[0].suspects[0]).toEqual({ tenant_id: noisy.culprits[0], score: expect.any(Number) });
    expect(of('api')[0].ts_unix).toBeGreaterThanOrEqual(START + noisy.onset * 60);
    expect(of('api')[0].victims.length).toBeGreaterThan(3);
    expect(new Set(of('db').map(({ verdict }) => verdict))).toEqual(new Set(['global_slowdown']));
    expect(count.verdicts.culprit + count.verdicts.global_slowdown + count.verdicts.unclear).toBe(verdicts.length);
  });

  it('names every line it cannot use, and uses the others', async () => {
    const { count, bad } = await replay([
      HEADER,
      `${START},api,acme,10,1,1,5`,
      'x,api,acme,10,1,1,5',
      `${START},api,birch,-1,1,1,5`,
      `${START},api,acme,10,1,1,5`,
      `${START},api,cedar,10,,,`,
      `${START - 60},api,acme,10,1,1,5`,
      `${START},api,acme`,
      `${START + 60},"api, the first",acme,10,1,1,5`,
    ]);
    expect(count).toMatchObject({ rows: 3, badLines: 5 });
    expect(bad.map(({ line, problem }) => `${line}: ${problem}`)).toEqual([
      '3: ts_unix "x" is not a number',
      '4: requests "-1" is no number of at least 0',
      '5: a second row of the same minute, resource and tenant',
      '7: rows are not sorted by time',
      `8: a row has 7 columns: ${HEADER.replaceAll(',', ', ')}`,
    ]);
  });

  it('refuses a file with another header, or none', async () => {
    await expect(replay(['ts_unix,tenant_id,metric,value'])).rejects.toThrow('the header is');
    await expect(replay([''])).rejects.toMatchObject({ code: 'BAD_REQUEST', hint: expect.stringContaining(HEADER) });
  });
});
