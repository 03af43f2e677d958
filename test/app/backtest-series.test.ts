import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BadLine } from '../../src/app/backtest-rows.ts';
import { backtestSeries } from '../../src/app/backtest-series.ts';
import type { RuleSetName } from '../../src/detect/rule-sets.ts';
import { poisson, seeded } from '../support/detect-random.ts';

const HEADER = 'ts_unix,tenant_id,metric,value';
const START = Date.UTC(2026, 10, 2) / 1_000;
const DAY = 1_440;
const SURGE_AT = 3 * DAY + 700;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backtest-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function run(text: string, rules: RuleSetName = 'tenantry') {
  const [input, events] = [join(folder, 'series.csv'), join(folder, 'events.jsonl')];
  await writeFile(input, text);
  const bad: BadLine[] = [];
  const report = await backtestSeries({ input, events, rules, onBadLine: (line) => bad.push(line) });
  const written = await readFile(events, 'utf8');
  return {
    report,
    bad,
    written,
    found: written
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  };
}

function rows(): string[] {
  const random = seeded('backtest');
  return Array.from({ length: 4 * DAY }, (_, minute) => {
    const surge = minute >= SURGE_AT && minute < SURGE_AT + 45 ? 5 : 1;
    const at = START + minute * 60;
    return [
      `${at},acme,requests,${poisson(random, 300) * surge}`,
      `${at},"Bolt, Inc",requests,${poisson(random, 90)}`,
      `${at},acme,value,${(20 + random()).toFixed(3)}`,
    ];
  }).flat();
}

describe('a file of minute values', () => {
  const text = `${[HEADER, ...rows()].join('\n')}\n`;

  it('gives one line for what was found, in seconds since the epoch', async () => {
    const { report, bad, found } = await run(text);
    expect(bad).toEqual([]);
    expect(report).toMatchObject({ rows: 12 * DAY, badLines: 0, tenants: 2, findings: 1, tenantMinutes: 8 * DAY });
    expect(found).toHaveLength(1);
    const [event] = found;
    const from = START + SURGE_AT * 60;
    expect(event).toMatchObject({ tenant_id: 'acme', metric: 'requests', started_at: from });
    expect(event.detected_at).toBeGreaterThan(from);
    expect(event.detected_at).toBeLessThanOrEqual(from + 300);
    expect(event.ended_at).toBeGreaterThanOrEqual(from + 45 * 60);
    expect(event.ratio).toBeCloseTo(5, 0);
    expect(event.reason).toMatch(/^acme sent 5\.\dx its usual .* requests \(.* a minute\) for 4\d of 5\d minutes$/);
  });

  it('gives the same bytes again, with CRLF, without the last line end and with another rule set its own', async () => {
    const { written } = await run(text);
    expect((await run(text)).written).toBe(written);
    expect((await run(text.replaceAll('\n', '\r\n'))).written).toBe(written);
    expect((await run(text.trimEnd())).written).toBe(written);
    expect((await run(text, 'owner')).written).not.toBe(written);
  });

  it('gives the same when it is sorted by tenant, then by time', async () => {
    const byTenant = rows().toSorted(
      (left, right) => left.replace(/^\d+,/, '').localeCompare(right.replace(/^\d+,/, '')) && 0,
    );
    const grouped = [
      ...byTenant.filter((row) => row.includes(',acme,')),
      ...byTenant.filter((row) => row.includes('Bolt')),
    ];
    expect((await run([HEADER, ...grouped].join('\n'))).written).toBe((await run(text)).written);
  });
});

describe('lines that cannot be used', () => {
  it('are named with their number, and the others count', async () => {
    const at = (minute: number) => START + minute * 60;
    const { bad, report } = await run(
      [
        HEADER,
        `${at(5)},acme,requests,1`,
        `${at(6)},acme,requests,many`,
        `${at(6)},acme,requests`,
        'soon,acme,requests,1',
        `${at(4)},acme,requests,1`,
        `${at(7)},,requests,1`,
        `${at(7)},acme,requests,1,2`,
        `${at(8)},acme,requests,1e2`,
        `${at(8)},acme,requests,3`,
        `${at(9)},acme,requests,`,
        `${at(10)},acme,requests,NaN`,
        '',
        `${at(11)},acme,requests,-0.5`,
      ].join('\n'),
    );
    expect(bad.map(({ line }) => line)).toEqual([3, 4, 5, 6, 7, 8, 10]);
    expect(bad[0]?.problem).toContain('"many" is not a number');
    expect(bad[3]?.problem).toContain('sort the file by time');
    expect(bad[6]?.problem).toContain('there already');
    expect(report).toMatchObject({ rows: 3, badLines: 5, skippedRows: 2 });
  });

  it('a header that is none is refused', async () => {
    await expect(run(`time,tenant,metric,value\n${START},a,requests,1\n`)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    await expect(run('')).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  it('a file without line ends is refused before it fills the memory', async () => {
    await expect(run('x'.repeat(3 << 20))).rejects.toThrow(/longer than any row/);
  });
});
