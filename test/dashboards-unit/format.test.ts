import { describe, expect, it } from 'vitest';
import {
  formatAiCost,
  formatBytes,
  formatCount,
  formatDuration,
  formatMoney,
  formatPercent,
  formatShort,
  ratioOf,
  trimZeros,
} from '../../dashboards/src/shared/format.ts';

describe('a missing measurement', () => {
  it('is a dash in every format, never a zero', () => {
    const formats = [formatCount, formatShort, formatPercent, formatDuration, formatBytes];
    expect(formats.map((format) => format(null))).toEqual(['–', '–', '–', '–', '–']);
    expect(ratioOf(0, 0)).toBeNull();
  });
});

describe('counts', () => {
  it.each([
    [0, '0'],
    [999, '999'],
    [123_456, '123,456'],
    [999_999, '999,999'],
    [1_000_000, '1M'],
    [4_048_275, '4.05M'],
    [2_500_000_000, '2.5B'],
  ])('%d is %s', (value, text) => expect(formatCount(value)).toBe(text));

  it.each([
    [0, '0'],
    [0.004, '<0.01'],
    [0.5, '0.5'],
    [12.345, '12.3'],
    [1_234, '1.23k'],
    [999_960, '1M'],
  ])('%d is short %s', (value, text) => expect(formatShort(value)).toBe(text));
});

describe('percentages', () => {
  it.each([
    [0, '0%'],
    [0.000_01, '<0.01%'],
    [0.0023, '0.23%'],
    [0.083, '8.30%'],
    [0.817, '81.7%'],
    [0.999_9, '>99.9%'],
    [1, '100%'],
  ])('%d is %s', (ratio, text) => expect(formatPercent(ratio)).toBe(text));
});

describe('durations', () => {
  it.each([
    [0, '0 ms'],
    [0.004, '<0.01 ms'],
    [0.42, '0.42 ms'],
    [52.34, '52.3 ms'],
    [240.6, '241 ms'],
    [999.6, '1.00 s'],
    [2_120, '2.12 s'],
    [462_000, '7.70 min'],
    [7_200_000, '2.00 h'],
  ])('%d ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it('loses its trailing zeros on an axis only', () => {
    expect(['2.00 s', '1.50 s', '200 ms', '10%', '0.50%'].map(trimZeros)).toEqual([
      '2 s',
      '1.5 s',
      '200 ms',
      '10%',
      '0.5%',
    ]);
  });
});

describe('bytes', () => {
  it.each([
    [12, '12 B'],
    [1_500, '1.50 kB'],
    [999_700, '1.00 MB'],
  ])('%d is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('money', () => {
  it.each([
    [0, '$0.00'],
    [12, '<$0.0001'],
    [434_800, '$0.4348'],
    [17_520_000, '$17.52'],
    [1_234_567_890, '$1,234.57'],
  ])('%d micro-dollars are %s', (micro, text) => expect(formatMoney(micro)).toBe(text));

  it('calls an unknown cost unknown and names what is not priced', () => {
    expect(formatAiCost({ ai_calls: 3, ai_cost_micro: null, ai_unpriced_calls: 3 })).toEqual({
      text: 'unknown',
      note: '',
    });
    expect(formatAiCost({ ai_calls: 9, ai_cost_micro: 1_000_000, ai_unpriced_calls: 2 })).toEqual({
      text: '$1.00',
      note: '+2 unpriced',
    });
    expect(formatAiCost({ ai_calls: 0, ai_cost_micro: null, ai_unpriced_calls: 0 }).text).toBe('–');
  });
});
