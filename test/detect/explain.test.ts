import { expect, it } from 'vitest';
import { explain, figure } from '../../src/detect/explain.ts';

const EVIDENCE = {
  tenant: 'acme',
  metric: 'requests',
  value: 8.2,
  baseline: 2,
  ratio: 4.1,
  aboveIntervals: 3,
  window: 5,
  intervalSeconds: 10,
} as const;

it('says in one sentence what was seen, against what, and for how long', () => {
  expect(explain(EVIDENCE)).toBe(
    'acme sent 4.1x its usual requests (8.2/s against 2.0/s) in 3 of the last 5 intervals of 10 s',
  );
});

it('counts the intervals once they do not fit the window any more, and names AI tokens', () => {
  const tokens = { ...EVIDENCE, metric: 'ai_tokens', value: 20_500, baseline: 499.6, ratio: 41.03 } as const;
  expect(explain({ ...tokens, aboveIntervals: 12, window: null })).toBe(
    'acme used 41.0x its usual AI tokens (20500/s against 500/s) in 12 intervals of 10 s',
  );
});

it.each([
  [0, '0.0'],
  [0.0123, '0.01'],
  [0.05, '0.1'],
  [99.94, '99.9'],
  [99.96, '100.0'],
  [1234.5, '1235'],
])('writes %s as %s', (value, text) => {
  expect(figure(value)).toBe(text);
});
