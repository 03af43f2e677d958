/** Rules for roles as people edit them: one row for each group that there is or that a rule names. */
import type { DirectoryItem, RoleRuleItem } from '../../../src/api/scim-contract.ts';

export interface RuleRow {
  readonly match: RoleRuleItem['match'];
  readonly value: string;
  /** '': the group gives nothing. */
  readonly role: RoleRuleItem['role'] | '';
  /** What it is called where `value` is an id; how many are in it, where the directory has told. */
  readonly group: { readonly name: string; readonly members: number } | undefined;
}

export const NEW_ROW: RuleRow = { match: 'display_name', value: '', role: 'viewer', group: undefined };

const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();

/** The rules, and behind them the groups of the directory that none of them names. */
export function rowsOf({ rules, groups }: Pick<DirectoryItem, 'rules' | 'groups'>): readonly RuleRow[] {
  const fits = (rule: RoleRuleItem, group: DirectoryItem['groups'][number]) =>
    rule.match === 'external_id' ? rule.value === group.external_id : same(rule.value, group.display_name);
  const named = rules.map((rule): RuleRow => {
    const group = groups.find((one) => fits(rule, one));
    return { ...rule, group: group && { name: group.display_name, members: group.members } };
  });
  const others = groups
    .filter((group) => !rules.some((rule) => fits(rule, group)))
    .map(
      ({ display_name: name, members }): RuleRow => ({
        ...{ match: 'display_name', value: name, role: '', group: { name, members } },
      }),
    );
  return [...named, ...others];
}

/** What the rows say, without those that give nothing. */
export function rulesOf(rows: readonly RuleRow[]): RoleRuleItem[] {
  return rows.flatMap(({ match, value, role }) =>
    role === '' || value.trim() === '' ? [] : [{ match, value: value.trim(), role }],
  );
}

/** How many are in the row's group, as far as the directory has told. */
export function sizeText({ group }: RuleRow): string {
  if (group === undefined) return 'not told of yet';
  return group.members === 1 ? '1 person' : `${group.members} people`;
}

/** Which rows name a group that an earlier one names. */
export function doubles(rows: readonly RuleRow[]): readonly number[] {
  const keys = rows.map(
    ({ match, value }) => `${match} ${match === 'display_name' ? value.trim().toLowerCase() : value}`,
  );
  return rows.flatMap(({ value }, index) =>
    value.trim() !== '' && keys.indexOf(keys[index] ?? '') < index ? [index] : [],
  );
}
