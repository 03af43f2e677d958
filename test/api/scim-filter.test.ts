import { describe, expect, test } from 'vitest';
import { parseFilter, requiredText } from '../../src/api/scim-filter.ts';
import { Effort, matches } from '../../src/api/scim-match.ts';
import { applyPatch, PATCH_SCHEMA } from '../../src/api/scim-patch.ts';
import { readGroup, readUser } from '../../src/api/scim-resource.ts';
import { GROUP_TYPE, USER_TYPE } from '../../src/api/scim-schema.ts';
import { oneOf, type Random, seeded } from '../support/detect-random.ts';

const ADA = {
  id: '2819c223-7f76-453a-919d-413861904646',
  externalId: 'Ada-1',
  userName: 'Ada@Example.com',
  name: { givenName: 'Ada', familyName: 'Lovelace' },
  active: true,
  emails: [
    { value: 'ada@work.example', type: 'work', primary: true },
    { value: 'ada@home.example', type: 'home' },
  ],
  meta: { created: '2026-01-02T03:04:05.000Z', lastModified: '2026-05-13T04:42:34Z' },
};
const fits = (filter: string, resource: Record<string, unknown> = ADA) =>
  matches(parseFilter(filter, USER_TYPE), resource, new Effort());

describe('a filter', () => {
  test.each([
    ['userName eq "ADA@example.COM"', true],
    ['USERNAME Eq "ada@example.com"', true],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ada"', true],
    ['externalId eq "ada-1"', false],
    ['externalId eq "Ada-1"', true],
    ['name.familyName co "LOVE"', true],
    ['name.familyName ew "lace" and active eq true', true],
    ['active eq "True"', true],
    ['active ne true', false],
    ['displayName pr', false],
    ['displayName ne "x"', true],
    ['displayName eq null', true],
    ['emails pr and not (displayName pr)', true],
    ['title pr', false],
    ['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x"', false],
    ['emails co "home"', true],
    ['emails.type eq "work"', true],
    ['emails[type eq "home" and value co "home"]', true],
    ['emails[type eq "home" and value co "work"]', false],
    ['emails[not (type eq "home")]', true],
    ['meta.lastModified gt "2026-05-13T06:42:33+02:00"', true],
    ['meta.lastModified lt "2026-05-13T06:42:34+02:00"', false],
    ['not (userName eq "ada@example.com" and active eq false)', true],
    ['active eq true or userName eq "x" and active eq false', true],
    ['(active eq true or userName eq "x") and active eq false', false],
    ['userName eq "a \\"b\\" \\u0063"', false],
    ['userName gt 5', false],
    ['userName eq ""', false],
  ])('%s: %s', (filter, expected) => expect(fits(filter)).toBe(expected));

  test.each([
    '',
    'userName',
    'userName eq',
    'userName eq ada',
    'userName is "ada"',
    'eq "ada"',
    'userName eq "ada',
    'userName eq "a\nb"',
    '(userName pr',
    'userName pr)',
    'userName pr and',
    'and userName pr',
    'not userName pr',
    'emails[type eq "work"',
    'emails[type eq "work"].value eq "x"',
    'emails[emails[type pr] pr]',
    'shoeSize pr',
    'name.shoeSize pr',
    'name.familyName.length pr',
    '__proto__ pr',
    'constructor.name eq "Object"',
    `${'('.repeat(30)}userName pr${')'.repeat(30)}`,
    `userName eq "${'x'.repeat(5_000)}"`,
  ])('%j is refused', (filter) => {
    expect(() => parseFilter(filter, USER_TYPE)).toThrow(expect.objectContaining({ scimType: 'invalidFilter' }));
  });

  test('costs what it is long, however it is nested', () => {
    const pairs = Array.from({ length: 40 }, () => '(userName eq "a" or userName eq "b")').join(' and ');
    expect(fits(pairs)).toBe(false);
    expect(() => parseFilter(`userName eq "${'\\'.repeat(4_000)}`, USER_TYPE)).toThrow(/filter/);
    expect(() => parseFilter(`${' '.repeat(4_000)}"`, USER_TYPE)).toThrow(/filter/);
  });

  test('costs no more than its share, whatever there is to compare', () => {
    const long = parseFilter(Array.from({ length: 200 }, () => 'emails co "zz"').join(' or '), USER_TYPE);
    const crowded = { ...ADA, emails: Array.from({ length: 20 }, () => ADA.emails[0]) };
    const effort = new Effort();
    const compare = () => {
      for (let user = 0; user < 5_000; user += 1) matches(long, crowded, effort);
    };
    expect(compare).toThrow(expect.objectContaining({ scimType: 'tooMany', status: 400 }));
    const usual = parseFilter('emails.value eq "x@y.example" or userName sw "x" and active eq true', USER_TYPE);
    const fresh = new Effort();
    for (let user = 0; user < 5_000; user += 1) expect(matches(usual, crowded, fresh)).toBe(false);
  });

  test('narrows a list only by what has to be equal', () => {
    const narrowed = (filter: string) => requiredText(parseFilter(filter, USER_TYPE), 'userName');
    expect(narrowed('userName eq "a" and active eq true')).toBe('a');
    expect(narrowed('active eq true and (userName eq "a" and emails pr)')).toBe('a');
    for (const wide of [
      'userName eq "a" or active eq true',
      'not (userName eq "a")',
      'userName sw "a"',
      'userName ne "a"',
    ]) {
      expect([wide, narrowed(wide)]).toEqual([wide, undefined]);
    }
  });
});

const patched = (...Operations: object[]) => applyPatch(ADA, { schemas: [PATCH_SCHEMA], Operations }, USER_TYPE);

describe('a patch', () => {
  test('leaves what it is applied to as it was', () => {
    const before = structuredClone(ADA);
    patched({ op: 'remove', path: 'emails' }, { op: 'replace', path: 'name.givenName', value: 'A.' });
    expect(ADA).toEqual(before);
  });

  test('has one primary value', () => {
    const { emails } = patched({ op: 'add', path: 'emails', value: [{ value: 'new@x.example', primary: true }] });
    expect(emails).toEqual([
      { value: 'ada@work.example', type: 'work' },
      { value: 'ada@home.example', type: 'home' },
      { value: 'new@x.example', primary: true },
    ]);
    const moved = patched({ op: 'replace', path: 'emails[type eq "home"].primary', value: 'True' });
    expect(moved['emails']).toMatchObject([{ type: 'work' }, { type: 'home', primary: 'True' }]);
    expect((moved['emails'] as object[])[0]).not.toHaveProperty('primary');
  });

  test('takes parts away from those that fit', () => {
    const { emails, name } = patched(
      { op: 'remove', path: 'emails[type eq "home"].type' },
      { op: 'remove', path: 'name.givenName' },
      { op: 'remove', path: 'emails[value sw "nobody"]' },
    );
    expect([emails, name]).toEqual([[ADA.emails[0], { value: 'ada@home.example' }], { familyName: 'Lovelace' }]);
  });

  test('adds nobody twice, and takes members away in each of the ways that are in use', () => {
    const group = { displayName: 'x', members: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] };
    const run = (...Operations: object[]) =>
      applyPatch(group, { schemas: [PATCH_SCHEMA], Operations }, GROUP_TYPE)['members'];
    expect(run({ op: 'Add', path: 'members', value: [{ value: 'a' }, { value: 'd' }] })).toHaveLength(4);
    expect(run({ op: 'remove', path: 'members[value eq "a"]' })).toEqual([{ value: 'b' }, { value: 'c' }]);
    expect(run({ op: 'Remove', path: 'members', value: [{ value: 'b' }] })).toEqual([{ value: 'a' }, { value: 'c' }]);
    expect(run({ op: 'remove', path: 'members', value: ['c', 'b'] })).toEqual([{ value: 'a' }]);
    expect(run({ op: 'remove', path: 'members' })).toEqual([]);
    expect(run({ op: 'replace', path: 'members', value: null })).toEqual([]);
    expect(run({ op: 'remove', path: 'members', value: [] })).toEqual(group.members);
  });

  test('of a crowd may name as many members as it has operations, and no more than its share by dearer filters', () => {
    const ids = Array.from({ length: 5_000 }, (_, index) => `id-${index}`);
    const crowd = { displayName: 'x', members: ids.map((value) => ({ value, type: 'User' })) };
    const run = (Operations: object[]) => applyPatch(crowd, { schemas: [PATCH_SCHEMA], Operations }, GROUP_TYPE);
    const removals = ids.slice(0, 500).map((id) => ({ op: 'remove', path: `members[value eq "${id}"]` }));
    expect(run(removals)['members']).toEqual(crowd.members.slice(500));
    const dear = Array.from({ length: 100 }, () => 'type eq "x"').join(' or ');
    expect(() => run([{ op: 'remove', path: `members[${dear}]` }])).toThrow(
      expect.objectContaining({ scimType: 'tooMany' }),
    );
  });

  test('of too many operations is refused before the first', () => {
    const many = Array.from({ length: 501 }, () => ({ op: 'remove', path: 'displayName' }));
    expect(() => patched(...many)).toThrow(expect.objectContaining({ status: 413 }));
  });
});

const PIECES = [
  ...[
    'userName',
    'emails',
    'name',
    'active',
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'id',
    'members',
    'meta',
  ],
  ...['[', ']', '(', ')', '.', ' ', '"', '\\', '\\u0000', '"x"', '"\\""', ':', ',', '\u0000', '\ud800', '𝒳', 'É', '\n'],
  ...[
    ' eq ',
    ' ne ',
    ' co ',
    ' pr',
    ' and ',
    ' or ',
    'not ',
    'type',
    'value',
    'true',
    'null',
    '1e9',
    '-0',
    '9'.repeat(20),
  ],
  ...[
    'urn:',
    'urn:ietf:params:scim:schemas:core:2.0:User:',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
  ],
] as const;
const VALUES = [
  ...[null, true, 'False', 0, '', 'x', [], {}, [null], [[]], [{}], { value: 'x' }, [{ value: 'x', primary: true }]],
  ...[JSON.parse('{"__proto__": {"polluted": true}}'), { constructor: { prototype: { polluted: true } } }],
  ...[{ 'name.givenName': 'x', 'emails[type eq "work"].value': 'x' }, { ID: 'x', Schemas: [] }, undefined],
] as const;

function textOf(random: Random): string {
  return Array.from({ length: Math.floor(random() * 9) }, () => oneOf(random, PIECES)).join('');
}

/** What came of it: something, or a refusal in words of SCIM. Anything else is thrown on. */
function outcome(work: () => unknown): 'done' | 'refused' {
  try {
    work();
    return 'done';
  } catch (error) {
    if (error instanceof Error && 'scimType' in error) return 'refused';
    throw error;
  }
}

test('10,000 made-up filters and patches are done or refused, and change no object but their own', () => {
  const random = seeded('scim');
  const seen = { done: 0, refused: 0 };
  for (let round = 0; round < 5_000; round += 1) {
    const type = random() < 0.7 ? USER_TYPE : GROUP_TYPE;
    const sound = `externalId ${oneOf(random, ['eq', 'NE', 'co', 'sw', 'gt'])} ${JSON.stringify(textOf(random))}`;
    const filter = random() < 0.5 ? textOf(random) : random() < 0.5 ? sound : `${sound} or ${textOf(random)}`;
    seen[outcome(() => matches(parseFilter(filter, type), ADA, new Effort()))] += 1;
    const Operations = Array.from({ length: 1 + Math.floor(random() * 2) }, () => ({
      op: oneOf(random, ['add', 'Replace', 'remove', 'REMOVE', 'move']),
      ...(random() < 0.3
        ? {}
        : { path: random() < 0.5 ? textOf(random) : `emails[type eq "${textOf(random)}"].value` }),
      value: oneOf(random, VALUES as unknown as [unknown, ...unknown[]]),
    }));
    const patch = () => applyPatch(ADA, { schemas: [PATCH_SCHEMA], Operations }, type);
    seen[outcome(() => (type === USER_TYPE ? readUser(patch(), type, true) : readGroup(patch(), type)))] += 1;
  }
  // Both happen often: what is made up is neither all nonsense nor all sense.
  expect([seen.done > 500, seen.refused > 500, seen.done + seen.refused]).toEqual([true, true, 10_000]);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(ADA.emails).toHaveLength(2);
});
