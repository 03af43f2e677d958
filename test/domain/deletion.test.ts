import { describe, expect, it } from 'vitest';
import {
  DELETION_STEPS,
  type DeletionEvent,
  type DeletionState,
  deletionRetryMs,
  deletionVerdict,
  stepAfter,
} from '../../src/domain/deletion.ts';
import { certificateHolds, rowsNoted } from '../../src/domain/deletion-certificate.ts';
import { jsonWithoutTenant, namesTenant, withoutTenant } from '../../src/domain/deletion-mentions.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';

const STATES: readonly DeletionState[] = ['requested', 'cancelled', 'running', 'failed'];
const EVENTS: readonly DeletionEvent[] = ['cancel', 'begin', 'fail', 'retry', 'finish'];
const ARROWS: Readonly<Record<string, string>> = {
  'requested cancel': 'cancelled',
  'requested begin': 'running',
  'running fail': 'failed',
  'failed retry': 'running',
  'running finish': 'done',
};
const due = { now: 100, notBefore: 100, legalHold: false, byTenant: false };

describe('the states of a deletion', () => {
  const all = STATES.flatMap((state) => EVENTS.map((event) => ({ state, event })));

  it.each(all)('$state, $event', ({ state, event }) => {
    const next = ARROWS[`${state} ${event}`];
    expect(deletionVerdict({ ...due, state, event })).toEqual(
      next === undefined ? { refusal: 'not-in-this-state' } : { next },
    );
    const held = deletionVerdict({ ...due, state, event, legalHold: true });
    const passes = event === 'cancel' || event === 'fail';
    if (next !== undefined) expect(held).toEqual(passes ? { next } : { refusal: 'legal-hold' });
    // Of all this a tenant's own people may take back only, and only in time.
    const own = deletionVerdict({ ...due, state, event, byTenant: true, now: 99 });
    if (next !== undefined) expect(own).toEqual(event === 'cancel' ? { next } : { refusal: 'operators-only' });
  });

  it('begin not too early, and end in time for the tenant', () => {
    expect(deletionVerdict({ ...due, now: 99, state: 'requested', event: 'begin' })).toEqual({ refusal: 'too-early' });
    expect(deletionVerdict({ ...due, byTenant: true, state: 'requested', event: 'cancel' })).toEqual({
      refusal: 'too-late',
    });
    expect(deletionVerdict({ ...due, state: 'requested', event: 'cancel' })).toEqual({ next: 'cancelled' });
  });

  it('steps follow each other, and failures make waits longer up to an hour', () => {
    expect(DELETION_STEPS.map(stepAfter)).toEqual([...DELETION_STEPS.slice(1), undefined]);
    expect([1, 2, 3, 7, 50].map(deletionRetryMs)).toEqual([60_000, 120_000, 240_000, 3_600_000, 3_600_000]);
  });
});

describe('a name in what is not the tenant’s', () => {
  const acme = 'acme' as TenantId;

  it.each([
    ['acme hurts it.', '(deleted) hurts it.'],
    ['ask acme.', 'ask (deleted).'],
    [
      'acme: 5, not acme-eu, acme.eu, xacme, acme2 or acme_x',
      '(deleted): 5, not acme-eu, acme.eu, xacme, acme2 or acme_x',
    ],
    ['"acme"/acme|', '"(deleted)"/(deleted)|'],
    ['Acme', 'Acme'],
  ])('%s', (before, after) => {
    const room = before.padEnd(200);
    expect(withoutTenant(room, acme).trimEnd()).toBe(after);
    expect(namesTenant(before, acme)).toBe(before !== after);
  });

  it('never makes a text longer than a column may take', () => {
    expect(withoutTenant('acme acme', acme)).toBe('(deleted)');
    expect(withoutTenant('a.b', 'a.b' as TenantId)).toHaveLength(9);
  });

  it('goes out of JSON as value, as key of what is told by tenant and out of sentences; numbers keep their digits', () => {
    const text = '{"tenant":"acme","tenants":{"acme":1.50,"b":12345678901234567890},"why":"acme, again","n":1e400}';
    expect(jsonWithoutTenant(text, acme, 'deleted-1')).toBe(
      '{"tenant":"deleted-1","tenants":{"deleted-1":1.50,"b":12345678901234567890},"why":"(deleted), again","n":1e400}',
    );
  });

  it('stays where something else is called the same, unless nobody would call it so', () => {
    const text = '{"service":"acme","acme":{"route":"acme"},"list":["acme"]}';
    expect(jsonWithoutTenant(text, acme, 'p')).toBe('{"service":"acme","acme":{"route":"acme"},"list":["p"]}');
    const distinct = text.replaceAll('acme', 'acme-7');
    expect(jsonWithoutTenant(distinct, 'acme-7' as TenantId, 'p')).toBe(
      '{"service":"p","p":{"route":"p"},"list":["p"]}',
    );
  });

  it('characters that mean something to patterns are taken as they are', () => {
    expect(withoutTenant('a|b and aXb', 'a|b' as TenantId)).toBe('(deleted) a');
    expect(namesTenant('a.b', 'a.b' as TenantId)).toBe(true);
    expect(namesTenant('axb', 'a.b' as TenantId)).toBe(false);
  });
});

describe('a certificate', () => {
  const good = { signatureGood: true, chained: true, auditAsLeft: true, enteredAnew: false, proofs: [], files: null };
  const found = { place: 'clickhouse.spans', query: 'q', result: 1 };

  it('holds only when all of it does', () => {
    expect(certificateHolds(good)).toBe(true);
    for (const broken of [
      { signatureGood: false },
      { chained: false },
      { auditAsLeft: false },
      { proofs: [found] },
      { files: ['left.log'] },
    ]) {
      expect(certificateHolds({ ...good, ...broken }), JSON.stringify(broken)).toBe(false);
    }
    expect(certificateHolds({ ...good, proofs: [found], enteredAnew: true })).toBe(true);
    expect(certificateHolds({ ...good, signatureGood: false, enteredAnew: true })).toBe(false);
  });

  it('tells rows by place, in order and without zeros', () => {
    const noted = { 'deleted:b': 2, 'deleted:a': 1, 'deleted:c': 0, 'kept:a': 5 };
    expect(rowsNoted(noted, 'deleted')).toEqual([
      { place: 'a', rows: 1 },
      { place: 'b', rows: 2 },
    ]);
  });
});
