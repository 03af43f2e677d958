import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLabels, scoreLines } from '../../src/app/backtest-labels.ts';
import { backtestStored } from '../../src/app/backtest-stored.ts';
import type { MeasuredMinute } from '../../src/detect/minute-detector.ts';
import { poisson, seeded } from '../support/detect-random.ts';

const MINUTE_MS = 60_000;
const DAY = 1_440;
const MONDAY = Date.UTC(2026, 10, 2) / MINUTE_MS;

const random = seeded('stored');
const stored: MeasuredMinute[] = Array.from({ length: 4 * DAY }, (_, index) => {
  const surge = [2 * DAY + 600, 3 * DAY + 300].some((from) => index >= from && index < from + 30) ? 5 : 1;
  const tenants = new Map([
    ['acme', new Map([['requests', poisson(random, 200) * surge]])],
    ['bolt', new Map([['requests', poisson(random, 50)]])],
  ]);
  return { minute: MONDAY + index, tenants };
});

async function replay(tenantId?: string) {
  const asked: number[] = [];
  const report = await backtestStored({
    window: { from: (MONDAY + 3 * DAY) * MINUTE_MS, to: (MONDAY + 4 * DAY) * MINUTE_MS },
    historyMs: 3 * DAY * MINUTE_MS,
    rules: 'tenantry',
    tenantId,
    minutes: async ({ from, to }) => {
      asked.push((to - from) / MINUTE_MS);
      return stored.filter(({ minute }) => minute * MINUTE_MS >= from && minute * MINUTE_MS < to);
    },
  });
  return { report, asked };
}

describe('stored minutes', () => {
  it('are replayed with what was before them for history, and only findings of the window are told', async () => {
    const { report, asked } = await replay();
    expect(report).toMatchObject({ minutes: DAY, tenants: 2, tenantMinutes: 2 * DAY });
    expect(report.events.map(({ tenant_id, started_at }) => [tenant_id, started_at / 60 - MONDAY])).toEqual([
      ['acme', 3 * DAY + 300],
    ]);
    expect(Math.max(...asked)).toBeLessThanOrEqual(120);
  });

  it('may be asked for one tenant', async () => {
    expect((await replay('bolt')).report).toMatchObject({ tenants: 1, events: [] });
  });
});

describe('a labels file', () => {
  it('holds lines like those of an events file, and says which line is none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'labels-'));
    const file = join(folder, 'labels.jsonl');
    const good = '{"tenant_id":"a","started_at":1,"ended_at":2}';
    await writeFile(file, `${good}\n\n{"tenant_id":"a","metric":"p95_ms","started_at":1,"ended_at":2,"kind":"x"}\n`);
    expect(await readLabels(file)).toHaveLength(2);
    for (const bad of [
      '{',
      '[]',
      '{"tenant_id":"a","started_at":3,"ended_at":2}',
      '{"tenant_id":1,"started_at":1,"ended_at":2}',
    ]) {
      await writeFile(file, `${good}\n${bad}\n`);
      await expect(readLabels(file)).rejects.toThrow(/line 2/);
    }
    await rm(folder, { recursive: true });
  });

  it('is scored in words', () => {
    const none = { medianDelay: null, p90Delay: null, precision: null, recall: null, falseAlarmsPerTenantMonth: null };
    expect(scoreLines({ labels: 0, found: 0, findings: 0, falseAlarms: 0, ...none }).join()).toContain(
      'recall - (0 of 0',
    );
    const some = { medianDelay: 180, p90Delay: 600, precision: 0.5, recall: 1, falseAlarmsPerTenantMonth: 0.251 };
    expect(scoreLines({ labels: 2, found: 2, findings: 4, falseAlarms: 2, ...some })).toEqual([
      'precision 50.0 % (2 of 4 findings)',
      'recall 100.0 % (2 of 2 labels)',
      'delay 3 min median, 10 min p90',
      'false alarms 0.25 per tenant-month',
    ]);
  });
});
