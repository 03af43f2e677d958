import { describe, expect, it } from 'vitest';
import { timeText } from '../../dashboards/src/shared/time-format.ts';
import { attentionItems } from '../../dashboards/src/sre/attention.ts';
import {
  checkDraft,
  previewSentence,
  recentRate,
  startDraft,
  type ThrottleDraft,
} from '../../dashboards/src/sre/throttle-draft.ts';
import { anomalyOf, throttleOf } from '../support/dashboards-data.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 4, 10);
const draft: ThrottleDraft = {
  rate: '10',
  burst: '20',
  seconds: '900',
  mode: 'enforce',
  route: '',
  service: '',
  reason: ' too much ',
};

describe('a throttle as typed', () => {
  it('becomes the request that it stands for', () => {
    expect(checkDraft({ ...draft, route: 'GET /search' }, 'acme')).toEqual({
      ok: true,
      throttle: {
        tenant_id: 'acme',
        scope: { route: 'GET /search' },
        limit: { requests_per_second: 10, burst: 20 },
        mode: 'enforce',
        expires_in_seconds: 900,
        reason: 'too much',
      },
    });
  });

  it.each([
    [{ rate: '' }, 'rate'],
    [{ rate: '-1' }, 'rate'],
    [{ rate: 'ten' }, 'rate'],
    [{ rate: 'Infinity' }, 'rate'],
    [{ burst: '0' }, 'burst'],
    [{ burst: '1.5' }, 'burst'],
    [{ reason: '   ' }, 'reason'],
  ])('%j is refused at the field %s', (change, field) => {
    const check = checkDraft({ ...draft, ...change }, 'acme');
    expect(check.ok ? [] : Object.keys(check.problems)).toEqual([field]);
  });

  it('starts with half of what the tenant sends now', () => {
    expect(startDraft(91)).toMatchObject({ rate: '46', burst: '92', mode: 'enforce', reason: '' });
    expect(startDraft(0.2).rate).toBe('1');
    expect(startDraft(null).rate).toBe('10');
    expect(recentRate([10, 240, 3], 120)).toBe(2);
    expect(recentRate([3], 120)).toBeNull();
  });

  it('says beforehand what will happen and until when', () => {
    const sentence = (change: Partial<Pick<ThrottleDraft, 'rate' | 'burst' | 'mode' | 'route' | 'service'>>) => {
      const check = checkDraft({ ...draft, ...change }, 'acme');
      return check.ok ? previewSentence(check.throttle, NOW, timeText('UTC')) : '';
    };
    expect(sentence({})).toBe(
      'acme: whatever exceeds 10 requests a second (burst 20) is answered 429, until 12:19 (15 min). It then ends by itself.',
    );
    expect(sentence({ rate: '0' })).toContain('every request is answered 429');
    expect(sentence({ mode: 'shadow' })).toContain('only counted, nothing is refused');
    expect(sentence({ route: 'GET /a' })).toContain('acme on GET /a:');
  });
});

describe('what needs attention', () => {
  it('is each throttle in force and each open anomaly, told once, the unheld first', () => {
    const enforced = throttleOf('a', { now: NOW });
    const shadow = throttleOf('b', { now: NOW, mode: 'shadow' });
    const held = anomalyOf('a', { now: NOW, throttle_id: enforced.id });
    const open = anomalyOf('c', { now: NOW });
    const over = anomalyOf('d', { now: NOW, ended_at: new Date(NOW).toISOString() });
    const items = attentionItems([shadow, enforced], [held, open, over], NOW);
    expect(items.map(({ key }) => key)).toEqual(['anomaly:anomaly-c', 'throttle:throttle-a', 'throttle:throttle-b']);
  });

  it('no longer holds a throttle that has run out on the clock, and then tells its open anomaly', () => {
    const throttle = throttleOf('a', { now: NOW });
    const anomaly = anomalyOf('a', { now: NOW, throttle_id: throttle.id });
    const items = attentionItems([throttle], [anomaly], Date.parse(throttle.expires_at));
    expect(items.map(({ key }) => key)).toEqual(['anomaly:anomaly-a']);
  });
});
