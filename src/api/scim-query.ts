import { z } from 'zod';
import type { ScimNarrowing } from '../domain/scim.ts';
import { ScimError } from './scim-errors.ts';
import { type Json, parseFilter, requiredText, type ScimFilter } from './scim-filter.ts';
import { Effort, matches } from './scim-match.ts';
import { parsePath } from './scim-path.ts';
import { findAttribute, type ScimResourceType, withoutUrn } from './scim-schema.ts';

export const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const MOST_IN_A_PAGE = 200;
const DEFAULT_PAGE = 100;

const integer = z
  .string()
  .regex(/^-?\d{1,9}$/, 'must be a whole number')
  .transform(Number);

export const shownQuery = {
  attributes: z.string().max(4_096).optional().describe('Only these, with commas between them'),
  excludedAttributes: z.string().max(4_096).optional().describe('All but these'),
};

export const listQuery = z.object({
  ...shownQuery,
  filter: z.string().max(4_096).optional().describe('RFC 7644, 3.4.2.2'),
  startIndex: integer.optional().describe('From 1'),
  count: integer.optional().describe(`At most ${MOST_IN_A_PAGE}; 0: only how many there are`),
  sortBy: z.string().max(256).optional(),
  sortOrder: z.enum(['ascending', 'descending']).optional(),
});
export type ListQuery = z.infer<typeof listQuery>;
export type ShownQuery = Pick<ListQuery, 'attributes' | 'excludedAttributes'>;

export interface ScimSearch {
  readonly filter: ScimFilter | undefined;
  readonly narrowing: ScimNarrowing;
}

/** @throws ScimError invalidFilter */
export function searchOf({ filter: source }: ListQuery, type: ScimResourceType): ScimSearch {
  const filter = source === undefined || source.trim() === '' ? undefined : parseFilter(source, type);
  const required = (attribute: string) => {
    const text = filter === undefined ? undefined : requiredText(filter, attribute);
    // PostgreSQL takes no NUL, and knows the small letters of other alphabets by its locale only.
    return text !== undefined && /^[\x20-\x7e]*$/.test(text) ? text : undefined;
  };
  const pairs = (['id', 'externalId', 'userName', 'displayName'] as const).map((name) => [name, required(name)]);
  return { filter, narrowing: Object.fromEntries(pairs.filter(([, text]) => text !== undefined)) as ScimNarrowing };
}

function sorted(items: readonly Json[], { sortBy, sortOrder }: ListQuery, type: ScimResourceType): readonly Json[] {
  if (sortBy === undefined) return items;
  const path = parsePath(sortBy, type);
  if (path === 'passed over') return items;
  const { attribute, part } = path;
  const keyOf = (item: Json) => {
    const values = [item[attribute]].flat() as unknown[];
    const value = values.find((one) => (one as Json | undefined)?.['primary'] === true) ?? values[0];
    const inner = typeof value === 'object' && value !== null ? (value as Json)[part ?? 'value'] : value;
    return inner === undefined ? undefined : String(inner).toLowerCase();
  };
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  const direction = sortOrder === 'descending' ? -1 : 1;
  // Who has no value comes last in ascending and first in descending order (RFC 7644, 3.4.2.3).
  keyed.sort((a, b) => {
    if (a.key === b.key) return 0;
    if (a.key === undefined || b.key === undefined) return a.key === undefined ? direction : -direction;
    return a.key < b.key ? -direction : direction;
  });
  return keyed.map(({ item }) => item);
}

/**
 * The page that was asked for of those that fit.
 * @param toWire what is sent of one; asked of those alone that are looked at, because groups may be crowds
 */
export function listOf<Resource>(
  resources: readonly Resource[],
  toWire: (resource: Resource) => Json,
  { filter }: ScimSearch,
  query: ListQuery,
  type: ScimResourceType,
): Json {
  const from = Math.max(1, query.startIndex ?? 1);
  const count = Math.min(MOST_IN_A_PAGE, Math.max(0, query.count ?? DEFAULT_PAGE));
  const pageOf = <Item>(items: readonly Item[]) => items.slice(from - 1, from - 1 + count);
  const list = (total: number, page: readonly Json[]) => ({
    schemas: [LIST_SCHEMA],
    totalResults: total,
    startIndex: from,
    itemsPerPage: page.length,
    Resources: page.map(shownOf(query, type)),
  });
  if (filter === undefined && query.sortBy === undefined) {
    return list(resources.length, pageOf(resources).map(toWire));
  }
  const effort = new Effort();
  const items = resources.map(toWire);
  const fitting = filter === undefined ? items : items.filter((item) => matches(filter, item, effort));
  return list(fitting.length, pageOf(sorted(fitting, query, type)));
}

/** Attribute and part of each name in a list; what is not kept or not known is passed over. */
function namesIn(list: string | undefined, type: ScimResourceType): (readonly [string, string | undefined])[] {
  return (list ?? '').split(',').flatMap((written) => {
    const bare = withoutUrn(type, written.trim());
    if (bare === undefined || bare === '') return [];
    const [first = '', second] = bare.split('.');
    const found = findAttribute(type, first, second);
    return found === undefined || found === 'passed over' ? [] : [[found.attribute.name, found.part?.name] as const];
  });
}

/**
 * What of a resource is shown. `schemas` and `id` always are (RFC 7644, 3.9).
 * @throws ScimError invalidValue when both lists are given
 */
export function shownOf(query: ShownQuery, type: ScimResourceType): (resource: Json) => Json {
  const { attributes, excludedAttributes } = query;
  if (attributes !== undefined && excludedAttributes !== undefined) {
    throw new ScimError('invalidValue', 'Either "attributes" or "excludedAttributes", not both.');
  }
  if (attributes === undefined && excludedAttributes === undefined) return (resource) => resource;
  const names = namesIn(attributes ?? excludedAttributes, type);
  const isNamed = (attribute: string) => names.some(([name, part]) => name === attribute && part === undefined);
  const parts = (attribute: string) => names.flatMap(([name, part]) => (name === attribute && part ? [part] : []));
  const keep = attributes !== undefined;
  return (resource) =>
    Object.fromEntries(
      Object.entries(resource).flatMap(([attribute, value]) => {
        if (attribute === 'schemas' || attribute === 'id') return [[attribute, value]];
        if (isNamed(attribute)) return keep ? [[attribute, value]] : [];
        const some = parts(attribute);
        if (some.length === 0) return keep ? [] : [[attribute, value]];
        return [[attribute, withParts(value, some, keep)]];
      }),
    );
}

function withParts(value: unknown, parts: readonly string[], keep: boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => withParts(one, parts, keep));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([part]) => parts.includes(part) === keep));
}
