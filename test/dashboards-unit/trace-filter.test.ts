import { describe, expect, it } from 'vitest';
import { changeText } from '../../dashboards/src/sre/audit-change.ts';
import {
  traceFilterFromQuery,
  traceHref,
  tracesHref,
  tracesOfWindow,
  tracesWindow,
  withTraceFilter,
} from '../../dashboards/src/sre/trace-filter.ts';

const FULL = { order: 'failed', route: 'GET /a?b=1&c', service: 'shop api', minMs: 20, maxMs: 300 } as const;

describe('the filter of traces in the address', () => {
  it('comes back as it was written', () => {
    expect(traceFilterFromQuery(withTraceFilter(new URLSearchParams(), FULL))).toEqual(FULL);
    const again = new URLSearchParams(withTraceFilter(new URLSearchParams('range=6h'), FULL).toString());
    expect([traceFilterFromQuery(again), again.get('range')]).toEqual([FULL, '6h']);
  });

  it('leaves no trace of what is usual, and takes away what is not asked for any more', () => {
    expect(withTraceFilter(withTraceFilter(new URLSearchParams(), FULL), { order: 'slowest' }).toString()).toBe('');
  });

  it.each(['order=oldest', 'min_ms=-1', 'min_ms=1e3', 'max_ms=1.5', 'max_ms=', 'route='])(
    'takes %s for nothing',
    (text) => {
      expect(traceFilterFromQuery(new URLSearchParams(text))).toEqual({
        ...{ order: 'slowest', route: undefined, service: undefined, minMs: undefined, maxMs: undefined },
      });
    },
  );
});

describe('ways to traces', () => {
  it('keep the range and nothing else of the page they start from', () => {
    const query = new URLSearchParams('range=6h&routes_sort=p95_ms&route=GET+%2Fx');
    expect(tracesHref('a|b', query, { order: 'slowest', route: 'GET /y' })).toBe(
      '/tenants/a%7Cb/traces?range=6h&route=GET+%2Fy',
    );
  });

  it('name the window of a cell', () => {
    const href = tracesOfWindow(
      'acme',
      { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 1, 1) },
      { order: 'slowest', minMs: 100, maxMs: 150 },
    );
    expect(Object.fromEntries(new URL(href, 'http://x').searchParams)).toEqual({
      ...{ from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T01:00:00.000Z', min_ms: '100', max_ms: '150' },
    });
  });

  it('carry the time and the span of a trace', () => {
    expect(traceHref('acme', 'ab', { at: 0, span: 'cd' })).toBe(
      '/tenants/acme/traces/ab?at=1970-01-01T00%3A00%3A00.000Z&span=cd',
    );
  });

  it('are no longer than the server looks', () => {
    const day = 86_400_000;
    expect(tracesWindow({ from: 0, to: 7 * day })).toEqual({ from: 0, to: 7 * day, isShortened: false });
    expect(tracesWindow({ from: 0, to: 30 * day })).toEqual({ from: 23 * day, to: 30 * day, isShortened: true });
  });
});

describe('a change in the audit log', () => {
  it.each([
    [{ plan: 'free', seats: 3 }, { plan: 'team', seats: 3 }, 'plan: free → team'],
    [null, { limit: { burst: 3 } }, 'limit: {"burst":3}'],
    [{ mode: 'enforce' }, null, 'was mode: enforce'],
    [null, null, ''],
    [{ a: 1 }, { a: 1 }, 'no change'],
    [{ a: 1 }, {}, 'a: 1 → nothing'],
    ['open', 'closed', 'open → closed'],
  ])('from %j to %j reads %s', (before, after, text) => {
    expect(changeText(before, after)).toBe(text);
  });
});
