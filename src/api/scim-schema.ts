/** The attributes of users and groups that are kept: what /Schemas tells, what filters compare, what patches may change. */

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const ENTERPRISE_SCHEMA = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user';

interface ScimAttribute {
  readonly name: string;
  readonly type: 'string' | 'boolean' | 'complex' | 'reference' | 'dateTime';
  readonly about: string;
  readonly multiValued?: true;
  readonly caseExact?: true;
  readonly required?: true;
  readonly readOnly?: true;
  readonly unique?: true;
  readonly parts?: readonly ScimAttribute[];
}

export interface ScimResourceType {
  readonly name: 'User' | 'Group';
  readonly schema: string;
  readonly endpoint: string;
  readonly about: string;
  readonly attributes: readonly ScimAttribute[];
  /** Of the standard and not kept, in small letters: taken without a word and let go. */
  readonly passedOver: readonly string[];
}

const text = (name: string, about: string): ScimAttribute => ({ name, type: 'string', about });

const COMMON: readonly ScimAttribute[] = [
  { name: 'id', type: 'string', about: 'Given by Tenantry', caseExact: true, readOnly: true },
  { name: 'externalId', type: 'string', about: "The directory's own id", caseExact: true },
  {
    name: 'meta',
    type: 'complex',
    about: 'About the resource',
    readOnly: true,
    parts: [
      text('resourceType', 'User or Group'),
      { name: 'created', type: 'dateTime', about: 'When it was made' },
      { name: 'lastModified', type: 'dateTime', about: 'When it last changed' },
      { name: 'location', type: 'reference', about: 'Its address', caseExact: true },
      { name: 'version', type: 'string', about: 'Its ETag', caseExact: true },
    ],
  },
];

export const USER_TYPE: ScimResourceType = {
  name: 'User',
  schema: USER_SCHEMA,
  endpoint: '/Users',
  about: 'A person of the customer',
  attributes: [
    ...COMMON,
    { name: 'userName', type: 'string', about: 'What the person signs in with', required: true, unique: true },
    {
      name: 'name',
      type: 'complex',
      about: "The parts of the person's name",
      parts: [
        text('formatted', 'The whole name'),
        text('familyName', 'The family name'),
        text('givenName', 'The given name'),
        text('middleName', 'The middle names'),
        text('honorificPrefix', 'Titles before the name'),
        text('honorificSuffix', 'What comes after the name'),
      ],
    },
    text('displayName', 'The name to show'),
    { name: 'active', type: 'boolean', about: 'Whether the person has access; false ends it at once' },
    {
      name: 'emails',
      type: 'complex',
      multiValued: true,
      about: 'Addresses; the primary one names the member',
      parts: [
        { ...text('value', 'The address'), required: true },
        text('type', 'work, home or other'),
        text('display', 'How to show it'),
        { name: 'primary', type: 'boolean', about: 'Of one of them' },
      ],
    },
    {
      name: 'groups',
      type: 'complex',
      multiValued: true,
      readOnly: true,
      about: 'Changed through the groups',
      parts: [
        { name: 'value', type: 'string', about: "The group's id", caseExact: true },
        { name: '$ref', type: 'reference', about: 'Its address', caseExact: true },
        text('display', 'Its name'),
      ],
    },
  ],
  passedOver: [
    ...['nickname', 'profileurl', 'title', 'usertype', 'preferredlanguage', 'locale', 'timezone', 'password'],
    ...['phonenumbers', 'ims', 'photos', 'addresses', 'entitlements', 'roles', 'x509certificates'],
  ],
};

export const GROUP_TYPE: ScimResourceType = {
  name: 'Group',
  schema: GROUP_SCHEMA,
  endpoint: '/Groups',
  about: 'A group of the directory, which may stand for a role',
  attributes: [
    ...COMMON,
    {
      name: 'displayName',
      type: 'string',
      about: 'Its name, which rules for roles may name',
      required: true,
      unique: true,
    },
    {
      name: 'members',
      type: 'complex',
      multiValued: true,
      about: 'Users; groups within groups are not taken',
      parts: [
        { name: 'value', type: 'string', about: "The user's id", caseExact: true, required: true },
        { name: '$ref', type: 'reference', about: 'Its address', caseExact: true },
        text('display', "The user's name"),
        text('type', 'User'),
      ],
    },
  ],
  passedOver: [],
};

/** `passed over`: of the standard, and not kept. */
export type FoundAttribute =
  | { readonly attribute: ScimAttribute; readonly part?: ScimAttribute }
  | 'passed over'
  | undefined;

/** Names have no case (RFC 7643, 2.1). */
export function findAttribute(type: ScimResourceType, name: string, partName: string | undefined): FoundAttribute {
  const is = (wanted: string) => (one: ScimAttribute) => one.name.toLowerCase() === wanted.toLowerCase();
  const attribute = type.attributes.find(is(name));
  if (attribute === undefined) return type.passedOver.includes(name.toLowerCase()) ? 'passed over' : undefined;
  if (partName === undefined) return { attribute };
  const part = attribute.parts?.find(is(partName));
  return part === undefined ? undefined : { attribute, part };
}

/** The rest of a name behind the URN of its schema; undefined: behind that of an extension, of which nothing is kept. */
export function withoutUrn(type: ScimResourceType, name: string): string | undefined {
  const small = name.toLowerCase();
  if (!small.startsWith('urn:')) return name;
  const own = `${type.schema.toLowerCase()}:`;
  if (small.startsWith(own)) return name.slice(own.length);
  return small === ENTERPRISE_SCHEMA || small.startsWith(`${ENTERPRISE_SCHEMA}:`) ? undefined : name;
}

function describeAttribute(one: ScimAttribute): Record<string, unknown> {
  const { name, type, about, multiValued, required, caseExact, readOnly, unique, parts } = one;
  return {
    ...{ name, type, description: about, multiValued: multiValued ?? false, required: required ?? false },
    ...(type === 'string' ? { caseExact: caseExact ?? false } : {}),
    mutability: readOnly === true ? 'readOnly' : 'readWrite',
    returned: name === 'id' ? 'always' : 'default',
    uniqueness: unique === true || name === 'id' ? 'server' : 'none',
    ...(type === 'reference' ? { referenceTypes: ['uri'] } : {}),
    ...(parts === undefined ? {} : { subAttributes: parts.map(describeAttribute) }),
  };
}

/** As GET /Schemas tells it; attributes that every resource has are not listed (RFC 7643, 3.1). */
export function describeSchema(type: ScimResourceType, base: string): Record<string, unknown> {
  const own = type.attributes.filter((attribute) => !COMMON.includes(attribute));
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    ...{ id: type.schema, name: type.name, description: type.about, attributes: own.map(describeAttribute) },
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${type.schema}` },
  };
}

export function describeResourceType(type: ScimResourceType, base: string): Record<string, unknown> {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    ...{ id: type.name, name: type.name, endpoint: type.endpoint, description: type.about, schema: type.schema },
    schemaExtensions: [],
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${type.name}` },
  };
}
