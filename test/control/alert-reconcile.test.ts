import fc from 'fast-check';
import { expect, test } from 'vitest';
import { conditionName, reconcile } from '../../src/control/alert-reconcile.ts';
import { ALERT_KINDS } from '../../src/domain/alert.ts';
import { ALERT_START, alertOf, conditionOf } from '../support/alert-samples.ts';

const known = new Set<string>(ALERT_KINDS);
const at = (now: number, missingSince: ReadonlyMap<string, number> = new Map()) => ({ known, missingSince, now });

test('what is new is raised once, what is known is not, what grew graver is', () => {
  const fresh = conditionOf({ key: 'fresh' });
  const graver = conditionOf({ key: 'graver', severity: 'critical' });
  const milder = conditionOf({ key: 'milder', severity: 'info' });
  const open = [alertOf(), alertOf({ id: '2', key: 'graver' }), alertOf({ id: '3', key: 'milder' })];
  expect(reconcile(open, [conditionOf(), fresh, fresh, graver, milder], at(0)).raise).toEqual([fresh, graver]);
});

test('an end counts after half a minute; coming back before is no news', () => {
  const first = reconcile([alertOf()], [], at(ALERT_START));
  expect(first.resolve).toEqual([]);
  const back = reconcile([alertOf()], [conditionOf()], at(ALERT_START + 10_000, first.missingSince));
  expect([back.raise, back.missingSince.size]).toEqual([[], 0]);
  expect(reconcile([alertOf()], [], at(ALERT_START + 29_999, first.missingSince)).resolve).toEqual([]);
  expect(reconcile([alertOf()], [], at(ALERT_START + 30_000, first.missingSince)).resolve).toEqual([alertOf()]);
});

test('a source that did not answer ends nothing', () => {
  const missingSince = new Map([[alertOf().id, 0]]);
  const result = reconcile([alertOf()], [], { known: new Set(['page']), missingSince, now: ALERT_START });
  expect(result.resolve).toEqual([]);
});

test('after carrying it out, open alerts are exactly what is so', () => {
  const keys = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'));
  fc.assert(
    fc.property(keys, keys, (openKeys, nowKeys) => {
      const open = openKeys.map((key) => alertOf({ id: key, key }));
      const conditions = nowKeys.map((key) => conditionOf({ key }));
      const { raise, resolve } = reconcile(open, conditions, at(60_000, new Map(openKeys.map((key) => [key, 0]))));
      const gone = new Set(resolve.map(conditionName));
      const after = [...open.filter((alert) => !gone.has(conditionName(alert))), ...raise].map(({ key }) => key);
      expect(after.sort()).toEqual([...nowKeys].sort());
    }),
  );
});
