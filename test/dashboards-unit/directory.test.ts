import { expect, test } from 'vitest';
import { doubles, NEW_ROW, rowsOf, rulesOf, sizeText } from '../../dashboards/src/tenant/directory-rules.ts';

const GROUPS = [
  { id: '1', display_name: 'Admins', external_id: 'g-1', members: 2, role: null },
  { id: '2', display_name: 'Everybody', external_id: null, members: 40, role: null },
];

test('rules come first, then the groups that none of them names', () => {
  const rows = rowsOf({
    groups: GROUPS,
    rules: [
      { match: 'external_id', value: 'g-1', role: 'tenant_admin' },
      { match: 'display_name', value: 'To come', role: 'viewer' },
    ],
  });
  expect(rows.map(({ value, role, group }) => [value, role, group?.name, group?.members])).toEqual([
    ['g-1', 'tenant_admin', 'Admins', 2],
    ['To come', 'viewer', undefined, undefined],
    ['Everybody', '', 'Everybody', 40],
  ]);
});

test('a name fits whatever its case, an id as it is', () => {
  const rows = (match: 'display_name' | 'external_id', value: string) =>
    rowsOf({ groups: GROUPS, rules: [{ match, value, role: 'member' }] }).length;
  expect([rows('display_name', 'aDMINS'), rows('external_id', 'G-1')]).toEqual([2, 3]);
});

test('what gives nothing is no rule', () => {
  const rows = [...rowsOf({ groups: GROUPS, rules: [] }), NEW_ROW, { ...NEW_ROW, value: ' Readers ' }];
  expect(rulesOf(rows)).toEqual([{ match: 'display_name', value: 'Readers', role: 'viewer' }]);
});

test('a group that is named twice is marked', () => {
  const row = (value: string) => ({ ...NEW_ROW, value });
  expect(doubles([row('a'), row('b'), row(' A '), row(''), row('')])).toEqual([2]);
  expect(
    doubles([
      { ...row('a'), match: 'external_id' },
      { ...row('A'), match: 'external_id' },
    ]),
  ).toEqual([]);
});

test('how many are in a group is said in words', () => {
  const one = { id: '3', display_name: 'One', external_id: null, members: 1, role: null };
  const rows = rowsOf({ groups: [one, ...GROUPS], rules: [] });
  expect([...rows, NEW_ROW].map(sizeText)).toEqual(['1 person', '2 people', '40 people', 'not told of yet']);
});
