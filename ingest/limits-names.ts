import { TENANT_ATTRIBUTE } from '../src/domain/attributes.ts';
import { OTHER_TENANTS, TENANT_ID_PATTERN, UNATTRIBUTED_TENANT, UNKNOWN_TENANT } from '../src/domain/tenant-id.ts';
import { HashIndex, NameHash } from './limits-hash.ts';

/** What an attribute's key means to the survey: below ROLE.ROUTE the place among the names of the tenant, from 0. */
export const ROLE = { NONE: 255, ROUTE: 200, METHOD: 201, OLD_METHOD: 202, SERVICE: 203 } as const;
/** More names than this are not looked at: the place must stay below ROLE.ROUTE, and 31 fit into a number's bits. */
const MOST_TENANT_NAMES = 31;

const ROLES: Readonly<Record<string, number>> = {
  'http.route': ROLE.ROUTE,
  'http.request.method': ROLE.METHOD,
  'http.method': ROLE.OLD_METHOD,
  'service.name': ROLE.SERVICE,
};

/**
 * The attributes that name a tenant, in the order in which they are looked at on a span: `tenant_id` first, whatever is
 * configured, as `{{resolve_tenant}}` of the views does.
 */
export function tenantNames(configured: readonly string[]): readonly string[] {
  return [TENANT_ATTRIBUTE, ...configured.filter((name) => name !== TENANT_ATTRIBUTE)].slice(0, MOST_TENANT_NAMES);
}

/** Which keys the survey has to look at, by their hashes. */
export class KeyRoles {
  /** By the low byte of a hash: most keys are told from all of these by one look. */
  readonly #maybe = new Uint8Array(256);
  readonly #roles = new Map<number, { readonly b: number; readonly role: number }>();

  constructor(tenantAttributes: readonly string[]) {
    const hash = new NameHash();
    const add = (name: string, role: number) => {
      hash.text(name);
      if (this.#roles.has(hash.a)) return;
      this.#maybe[hash.a & 255] = 1;
      this.#roles.set(hash.a, { b: hash.b, role });
    };
    for (const [place, name] of tenantNames(tenantAttributes).entries()) add(name, place);
    for (const [name, role] of Object.entries(ROLES)) add(name, role);
  }

  of(a: number, b: number): number {
    if (this.#maybe[a & 255] === 0) return ROLE.NONE;
    const found = this.#roles.get(a);
    return found === undefined || found.b !== b ? ROLE.NONE : found.role;
  }
}

/** A set of keys to look up by their bytes. */
export class KnownKeys {
  readonly #hash = new NameHash();
  readonly #index = new HashIndex();

  constructor(keys: Iterable<string>) {
    for (const key of keys) {
      this.#hash.text(key);
      this.#index.add(this.#hash.a, this.#hash.b);
    }
  }

  has(bytes: Uint8Array, start: number, end: number): boolean {
    this.#hash.bytes(bytes, start, end);
    return this.#index.find(this.#hash.a, this.#hash.b) !== 0;
  }
}

const RESERVED = new Set<string>([UNATTRIBUTED_TENANT, OTHER_TENANTS]);

/**
 * The tenant that an attribute's value names, where the store would take it for one. On a span it also takes the word that
 * the tenant is unknown.
 */
export function claimText(bytes: Uint8Array, start: number, end: number, onSpan: boolean): string | undefined {
  const text = plainText(bytes, start, end);
  if (text === undefined) return undefined;
  const isClaim = TENANT_ID_PATTERN.test(text) || RESERVED.has(text) || (onSpan && text === UNKNOWN_TENANT);
  return isClaim ? text : undefined;
}

const FALSE = 0;
const ANY_VALUE = { STRING: 0x0a, BOOL: 0x10, INT: 0x18, DOUBLE: 0x21, BYTES: 0x3a } as const;

/**
 * An attribute's plain value as text, as the store writes it (`attribute_map` of the views); undefined for lists and for
 * what stands in an unusual order of bytes. Not the quick way: texts are read from their bytes where speed counts.
 */
export function plainText(bytes: Uint8Array, start: number, end: number): string | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  const payload = view.subarray(1);
  switch (view[0]) {
    case ANY_VALUE.BOOL:
      return payload[0] === FALSE ? 'false' : 'true';
    case ANY_VALUE.INT:
      return signedText(payload);
    case ANY_VALUE.DOUBLE:
      return payload.length === 8 ? doubleText(payload.readDoubleLE(0)) : undefined;
    case ANY_VALUE.STRING:
    case ANY_VALUE.BYTES: {
      const from = lengthEnd(payload);
      return payload.toString(view[0] === ANY_VALUE.STRING ? 'utf8' : 'base64', from);
    }
    default:
      return undefined;
  }
}

function lengthEnd(payload: Buffer): number {
  let at = 0;
  while (at < payload.length && (payload[at] as number) >= 0x80) at++;
  return at + 1;
}

function signedText(payload: Buffer): string {
  let value = 0n;
  for (let at = 0; at < payload.length; at++) value |= BigInt((payload[at] as number) & 0x7f) << BigInt(7 * at);
  return BigInt.asIntN(64, value).toString();
}

function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return Number.isFinite(value) ? String(value).replace('e+', 'e') : value > 0 ? 'inf' : '-inf';
}
