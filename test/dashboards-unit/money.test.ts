import { describe, expect, it } from 'vitest';
import { exactAmount, formatAmount, parseAmount, signedAmount } from '../../dashboards/src/shared/money.ts';

describe('an amount', () => {
  it.each([
    [0, 'USD', '$0.00'],
    [1_204_503_211, 'USD', '$1,204.50'],
    [-4_200_000, 'EUR', '-€4.20'],
    [4_200, 'EUR', '€0.004200'],
    [-1, 'USD', '-$0.000001'],
    [120_000_000, 'JPY', '¥120'],
    ['9007199254740993000000', 'USD', '$9,007,199,254,740,993.00'],
  ])('%s of %s is %s', (micro, currency, text) => {
    expect(formatAmount(micro, currency)).toBe(text);
  });

  it('that is not known is no zero', () => {
    expect(formatAmount(null, 'USD')).toBe('–');
    expect(exactAmount(null, 'USD')).toBe('–');
  });

  it.each([
    [1_204_503_211, '1204.503211 USD'],
    [-7, '-0.000007 USD'],
    ['9007199254740993000001', '9007199254740993.000001 USD'],
  ])('%s is exactly %s', (micro, text) => {
    expect(exactAmount(micro, 'USD')).toBe(text);
  });

  it('as a difference has a sign', () => {
    expect([signedAmount(1_000_000, 'USD'), signedAmount(-1_000_000, 'USD'), signedAmount(0, 'USD')]).toEqual([
      '+$1.00',
      '-$1.00',
      '$0.00',
    ]);
  });
});

describe('typed money', () => {
  it.each([
    ['1,250.50', 1_250_500_000],
    [' 0.000001 ', 1],
    ['7', 7_000_000],
    ['1.0000001', undefined],
    ['-1', undefined],
    ['', undefined],
    ['1e3', undefined],
  ])('%j is %j micro-units', (text, micro) => {
    expect(parseAmount(text)).toBe(micro);
  });
});
