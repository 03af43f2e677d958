import { describe, expect, it } from 'vitest';
import { StoredMinutes } from '../../src/aggregate/stored-minutes.ts';
import type { AnalyticsQuery, AnalyticsReader } from '../../src/domain/analytics-query.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';

const NOW = Date.UTC(2026, 4, 20, 12, 34);

/** A store with these minutes (Unix ms) of one tenant; `asked` are the questions to it. */
function storeOf(stored: number[]) {
  const asked: string[] = [];
  const rows = async ({ question, params }: AnalyticsQuery) => {
    asked.push(question);
    const [from, to] = [Number(params['w_from']) * 1_000, Number(params['w_to']) * 1_000];
    const within = stored.filter((at) => at >= from && at < to).toSorted((one, other) => one - other);
    if (question === 'first-minute') return [{ first: within[0] === undefined ? null : within[0] / 1_000 }];
    const row = { tenant_id: 'acme', metrics: ['requests'], amounts: [1] };
    return within.map((at) => ({ ...row, at: (at - from) / MINUTE_MS }));
  };
  return { asked, reader: { rows } as unknown as AnalyticsReader };
}

/** Eight days by the hour, as the detector reads them back. */
async function readAll(minutes: StoredMinutes): Promise<number[]> {
  const read: number[] = [];
  for (let from = NOW - 8 * DAY_MS; from < NOW; from += HOUR_MS) {
    for (const { minute } of await minutes.read({ from, to: from + HOUR_MS })) read.push(minute * MINUTE_MS);
  }
  return read;
}

describe('stored minutes, read piece by piece', () => {
  it('are all found, with few questions where most of the past is empty', async () => {
    const stored = [5 * DAY_MS, 5 * DAY_MS - MINUTE_MS, 90 * MINUTE_MS, MINUTE_MS].map((ago) => NOW - ago);
    const { asked, reader } = storeOf(stored);
    expect(await readAll(new StoredMinutes(reader, () => NOW))).toEqual(stored);
    expect(asked.filter((question) => question === 'first-minute').length).toBe(2);
    expect(asked.length).toBeLessThan(12);
  });

  it('are asked for piece by piece within the last hour, of which spans may still be on their way', async () => {
    const { asked, reader } = storeOf([]);
    expect(await readAll(new StoredMinutes(reader, () => NOW))).toEqual([]);
    expect(asked).toEqual(['minute-values', 'first-minute', 'minute-values']);
  });

  it('that came late into an empty stretch are found after a minute', async () => {
    const stored: number[] = [];
    let now = NOW;
    const minutes = new StoredMinutes(storeOf(stored).reader, () => now);
    const window = { from: NOW - 3 * HOUR_MS, to: NOW - 2 * HOUR_MS };
    expect(await minutes.read(window)).toEqual([]);
    stored.push(NOW - 150 * MINUTE_MS);
    expect(await minutes.read(window)).toEqual([]);
    now += MINUTE_MS;
    expect((await minutes.read(window)).length).toBe(1);
  });
});
