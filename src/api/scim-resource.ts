/** Users and groups as SCIM writes them, and back. */
import { z } from 'zod';
import {
  addressOf,
  SCIM_USERS_MAX,
  type ScimEmail,
  type ScimGroup,
  type ScimGroupContent,
  type ScimUser,
  type ScimUserContent,
} from '../domain/scim.ts';
import { rfc3339 } from './convert.ts';
import { ScimError } from './scim-errors.ts';
import type { Json } from './scim-filter.ts';
import { findAttribute, GROUP_SCHEMA, type ScimResourceType, USER_SCHEMA, withoutUrn } from './scim-schema.ts';

const MAX_TEXT = 1_024;
const MAX_EMAILS = 20;
/** Control characters would reach logs and pages; PostgreSQL keeps no NUL. */
const line = z
  .string()
  .max(MAX_TEXT)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u);
const name = line.transform((text) => text.trim()).pipe(z.string().min(1).max(255));
const word = line.nullish();
/** As long as an entry of an index can be in any alphabet. */
const externalId = line.max(255).nullish();
const flag = z.union([
  z.boolean(),
  z
    .string()
    .regex(/^(true|false)$/i)
    .transform((text) => /^true$/i.test(text)),
]);
/** Older directories wrap a single text as the values of an attribute with several. */
const unwrapped = (value: unknown) =>
  Array.isArray(value) && value.length === 1 ? ((value as { value?: unknown }[])[0]?.value ?? value) : value;

const emailSchema = z.union([
  line.transform((value) => ({ value, type: undefined, display: undefined, primary: undefined })),
  z.object({ value: line, type: word, display: word, primary: flag.nullish() }),
]);
const nameSchema = z.object({
  ...{ formatted: word, familyName: word, givenName: word },
  ...{ middleName: word, honorificPrefix: word, honorificSuffix: word },
});
const userSchema = z.object({
  userName: z.preprocess(unwrapped, name),
  externalId,
  displayName: z.preprocess(unwrapped, word),
  name: nameSchema.nullish(),
  emails: z.array(emailSchema).max(MAX_EMAILS).nullish(),
  active: flag.nullish(),
});
const groupSchema = z.object({
  displayName: z.preprocess(unwrapped, name),
  externalId,
  members: z
    .array(z.union([z.string(), z.object({ value: z.string(), type: z.string().nullish() })]))
    .max(SCIM_USERS_MAX)
    .nullish(),
});

/** Attributes under the names of the schema, parts too; what is not kept is left out, twice the same: the last. */
function tidied(body: Json, type: ScimResourceType): Json {
  const known = Object.entries(body).flatMap(([written, value]) => {
    const bare = withoutUrn(type, written);
    const found = bare === undefined ? undefined : findAttribute(type, bare, undefined);
    if (found === undefined || found === 'passed over' || found.attribute.readOnly === true) return [];
    const { attribute } = found;
    const tidyParts = (one: unknown) =>
      attribute.parts !== undefined && typeof one === 'object' && one !== null && !Array.isArray(one)
        ? Object.fromEntries(
            Object.entries(one).flatMap(([part, inner]) => {
              const known = attribute.parts?.find(({ name: is }) => is.toLowerCase() === part.toLowerCase());
              return known === undefined ? [] : [[known.name, inner]];
            }),
          )
        : one;
    return [[attribute.name, Array.isArray(value) ? value.map(tidyParts) : tidyParts(value)] as const];
  });
  return Object.fromEntries(known);
}

function parsed<Schema extends z.ZodType>(schema: Schema, body: unknown, type: ScimResourceType): z.infer<Schema> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ScimError('invalidSyntax', 'The body is not a JSON object.');
  }
  const read = schema.safeParse(tidied(body as Json, type));
  if (read.success) return read.data;
  const path = read.error.issues[0]?.path.join('.') ?? '';
  throw new ScimError('invalidValue', `"${path}" is missing or not what it has to be.`);
}

/** Without members that are null, absent or empty. */
function filled<Value extends object>(value: Value): { [Name in keyof Value]?: NonNullable<Value[Name]> } {
  const kept = Object.entries(value).filter(([, one]) => one !== null && one !== undefined && one !== '');
  return Object.fromEntries(kept) as { [Name in keyof Value]?: NonNullable<Value[Name]> };
}

/**
 * What is to be kept of a user. `active` stays as it was where the body does not say: leaving it out is no wish to give
 * access back.
 * @throws ScimError invalidSyntax, invalidValue
 */
export function readUser(body: unknown, type: ScimResourceType, wasActive: boolean): ScimUserContent {
  const { userName, externalId, displayName, name: parts, emails, active } = parsed(userSchema, body, type);
  const nameParts = filled(parts ?? {});
  const content: ScimUserContent = {
    userName,
    ...filled({ externalId, displayName }),
    ...(Object.keys(nameParts).length === 0 ? {} : { name: nameParts }),
    emails: (emails ?? []).filter(({ value }) => value !== '').map((one) => filled(one) as ScimEmail),
    active: active ?? wasActive,
  };
  if (addressOf(content) !== undefined) return content;
  throw new ScimError('invalidValue', 'A user needs an e-mail address: as the primary of "emails", or as "userName".');
}

/** @throws ScimError invalidSyntax, invalidValue */
export function readGroup(body: unknown, type: ScimResourceType): ScimGroupContent {
  const { displayName, externalId, members } = parsed(groupSchema, body, type);
  const ids = (members ?? []).map((one) => {
    if (typeof one === 'string') return one;
    if (one.type?.toLowerCase() !== 'group') return one.value;
    throw new ScimError('invalidValue', 'Groups within groups are not taken: list the users.');
  });
  return { displayName, ...filled({ externalId }), members: [...new Set(ids.map((id) => id.toLowerCase()))] };
}

export function etagOf({ version }: { readonly version: number }): string {
  return `W/"${version}"`;
}

function metaOf(resourceType: 'User' | 'Group', one: ScimUser | ScimGroup, base: string) {
  return {
    resourceType,
    created: rfc3339(one.createdAt),
    lastModified: rfc3339(one.changedAt),
    location: `${base}/${resourceType}s/${one.id}`,
    version: etagOf(one),
  };
}

/** @param base address of the directory's end point, without a slash at its end */
export function userToWire(user: ScimUser, base: string): Json {
  const { id, userName, externalId, displayName, name: parts, emails, active, groups } = user;
  return {
    schemas: [USER_SCHEMA],
    ...{ id, ...filled({ externalId }), userName, ...filled({ name: parts, displayName }), active },
    ...(emails.length === 0 ? {} : { emails }),
    ...(groups.length === 0
      ? {}
      : {
          groups: groups.map((group) => ({
            ...{ value: group.id, $ref: `${base}/Groups/${group.id}`, display: group.displayName },
          })),
        }),
    meta: metaOf('User', user, base),
  };
}

export function groupToWire(group: ScimGroup, base: string): Json {
  const { id, externalId, displayName, members } = group;
  return {
    schemas: [GROUP_SCHEMA],
    ...{ id, ...filled({ externalId }), displayName },
    members: members.map((value) => ({ value, $ref: `${base}/Users/${value}`, type: 'User' })),
    meta: metaOf('Group', group, base),
  };
}
