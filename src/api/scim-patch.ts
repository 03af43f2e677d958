/**
 * Patches (RFC 7644, 3.5.2) with the ways of the directories that are in use: operations in capitals, values without a
 * path whose names are paths (Entra ID), an `id` among them (Okta), members to remove in the value and not in the path
 * (Entra ID), and parts of an address that is not there yet.
 */
import { z } from 'zod';
import { ScimError } from './scim-errors.ts';
import { equalities, exactText, type Json, type ScimFilter } from './scim-filter.ts';
import { Effort, matches } from './scim-match.ts';
import { parsePath, type ScimPath } from './scim-path.ts';
import type { ScimResourceType } from './scim-schema.ts';

export const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
/** Of which each may look at every value of an attribute. */
const MAX_OPERATIONS = 500;

const operationSchema = z.looseObject({
  op: z
    .string()
    .transform((op) => op.toLowerCase())
    .pipe(z.enum(['add', 'replace', 'remove'])),
  path: z.string().nullish(),
  value: z.unknown().optional(),
});
type Operation = z.infer<typeof operationSchema>;

const patchSchema = z.looseObject({
  schemas: z.array(z.string()).refine((schemas) => schemas.includes(PATCH_SCHEMA)),
  Operations: z.array(z.unknown()).min(1),
});

/** A resource while it is changed. Without a prototype: no name in it means anything but an attribute. */
type Draft = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function draftOf(values: Json): Draft {
  return Object.assign(Object.create(null) as Draft, values);
}

/** @throws ScimError invalidSyntax, invalidValue */
function operationsOf(body: unknown): readonly Operation[] {
  const patch = patchSchema.safeParse(body);
  if (!patch.success) {
    throw new ScimError('invalidSyntax', `A patch has "schemas": ["${PATCH_SCHEMA}"] and a list "Operations".`);
  }
  const operations = patch.data.Operations;
  if (operations.length > MAX_OPERATIONS) {
    throw new ScimError('invalidValue', `A patch has at most ${MAX_OPERATIONS} operations.`, 'BODY_TOO_LARGE');
  }
  return operations.map((one, index) => {
    const read = operationSchema.safeParse(one);
    if (read.success) return read.data;
    throw new ScimError(
      'invalidSyntax',
      `Operation ${index + 1} is not {"op": "add|replace|remove", "path", "value"}.`,
    );
  });
}

/**
 * The resource after all operations, or none: `resource` itself stays as it is.
 * @param resource as it would be sent
 * @throws ScimError saying what cannot be done
 */
export function applyPatch(resource: Json, body: unknown, type: ScimResourceType): Json {
  const draft = draftOf(resource);
  const effort = new Effort();
  for (const { op, path, value } of operationsOf(body)) {
    if (path !== undefined && path !== null && path !== '') {
      applyOne(draft, op, parsePath(path, type), value, effort);
      continue;
    }
    if (op === 'remove') throw new ScimError('noTarget', 'An operation "remove" needs a path.');
    if (!isObject(value)) throw new ScimError('invalidValue', 'Without a path the value has to be an object.');
    applyTogether(draft, op, value, type, effort);
  }
  return draft;
}

function applyTogether(draft: Draft, op: 'add' | 'replace', value: Json, type: ScimResourceType, effort: Effort): void {
  for (const [name, one] of Object.entries(value)) {
    if (name.toLowerCase() === 'schemas') continue;
    const path = parsePath(name, type);
    // Sent along by directories that send the whole of what they know; it is no wish to change it.
    if (path !== 'passed over' && path.isReadOnly) continue;
    applyOne(draft, op, path, one, effort);
  }
}

function applyOne(
  draft: Draft,
  op: Operation['op'],
  path: ScimPath | 'passed over',
  value: unknown,
  effort: Effort,
): void {
  if (path === 'passed over') return;
  if (path.isReadOnly) throw new ScimError('mutability', `"${path.attribute}" cannot be changed.`);
  const isEmpty = value === undefined || value === null;
  if (op === 'add' && isEmpty) throw new ScimError('invalidValue', 'An operation "add" needs a value.');
  if (path.isMultiValued) applyToMany(draft, op, path, value, effort);
  else if (op === 'remove' || isEmpty) unset(draft, path);
  else set(draft, path, value);
}

function unset(draft: Draft, { attribute, part }: ScimPath): void {
  if (part === undefined) delete draft[attribute];
  else if (isObject(draft[attribute])) {
    const { [part]: _gone, ...rest } = draft[attribute];
    draft[attribute] = rest;
  }
}

/** Parts that a value does not name stay as they are. */
function set(draft: Draft, { attribute, part, isComplex }: ScimPath, value: unknown): void {
  const before = isObject(draft[attribute]) ? draft[attribute] : {};
  if (part !== undefined) draft[attribute] = { ...before, [part]: value };
  else if (!isComplex) draft[attribute] = value;
  else if (isObject(value)) draft[attribute] = { ...before, ...value };
  else throw new ScimError('invalidValue', `"${attribute}" is an object.`);
}

function applyToMany(draft: Draft, op: Operation['op'], path: ScimPath, value: unknown, effort: Effort): void {
  const before: readonly unknown[] = Array.isArray(draft[path.attribute]) ? (draft[path.attribute] as unknown[]) : [];
  draft[path.attribute] =
    path.filter === undefined ? changedAll(before, op, path, value) : changedSome(before, op, path, value, effort);
}

function changedAll(before: readonly unknown[], op: Operation['op'], path: ScimPath, value: unknown): unknown[] {
  const { part } = path;
  if (part !== undefined) {
    if (op === 'remove') return before.map((one) => without(one, part));
    if (before.length === 0) return [{ [part]: value }];
    return before.map((one) => ({ ...(one as Json), [part]: value }));
  }
  const given = listOf(value);
  switch (op) {
    case 'remove': {
      // An empty list names nobody; all of them go where nothing is said (RFC 7644, 3.5.2.2).
      if (value === undefined || value === null) return [];
      const gone = new Set(given.map(nameOf));
      return before.filter((one) => !gone.has(nameOf(one)));
    }
    case 'replace':
      return onePrimary([], given);
    case 'add':
      return onePrimary(before, given);
  }
}

/** Of those whom a filter names. The way by which directories name one member of a crowd is short. */
function meantBy(filter: ScimFilter, effort: Effort): (one: unknown) => boolean {
  const [name, text] = exactText(filter) ?? [];
  if (name !== undefined) return (one) => isObject(one) && one[name] === text;
  return (one) => isObject(one) && matches(filter, one, effort, true);
}

function changedSome(
  before: readonly unknown[],
  op: Operation['op'],
  path: ScimPath,
  value: unknown,
  effort: Effort,
): unknown[] {
  const { filter, part } = path;
  const isMeant = filter === undefined ? () => false : meantBy(filter, effort);
  if (op === 'remove') {
    return before.flatMap((one) => (isMeant(one) ? (part === undefined ? [] : [without(one, part)]) : [one]));
  }
  const change = part === undefined ? value : { [part]: value };
  if (!isObject(change)) throw new ScimError('invalidValue', `A value of "${path.attribute}" is an object.`);
  if (before.some(isMeant)) {
    const changed = before.map((one) => (isMeant(one) ? { ...(one as Json), ...change } : one));
    return change['primary'] === undefined ? changed : onePrimary(changed, changed.filter(isMeant));
  }
  // `emails[type eq "work"].value` for somebody who has none yet: what the filter asks for is what is meant.
  const wanted = filter === undefined ? undefined : equalities(filter);
  if (wanted === undefined) throw new ScimError('noTarget', `No value of "${path.attribute}" fits the filter.`);
  return onePrimary(before, [{ ...Object.fromEntries(wanted), ...change }]);
}

function without(one: unknown, part: string): unknown {
  if (!isObject(one)) return one;
  const { [part]: _gone, ...rest } = one;
  return rest;
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/** What tells one value from another: its `value`, or itself where it is a bare text. */
function nameOf(one: unknown): unknown {
  return isObject(one) ? one['value'] : one;
}

/** `given` behind those of `before` that it does not replace; there is one primary value, and the last to be it is. */
function onePrimary(before: readonly unknown[], given: readonly unknown[]): unknown[] {
  const told = new Map(given.map((one) => [nameOf(one), one]));
  const values = [...before.filter((old) => !told.has(nameOf(old))), ...told.values()];
  const isPrimary = (one: unknown) => isObject(one) && /^true$/i.test(String(one['primary']));
  const primary = given.findLast(isPrimary);
  if (primary === undefined) return values;
  return values.map((one) => (isPrimary(one) && one !== primary ? without(one, 'primary') : one));
}
