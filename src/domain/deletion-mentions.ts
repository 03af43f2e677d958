/** Takes a tenant's id out of what is not the tenant's own and only names it: texts and JSON of the operator's. Pure. */
import { type ExactJson, exactJsonText, isExactObject, isList, JsonNumber, parseExactJson } from './exact-json.ts';
import type { TenantId } from './tenant-id.ts';

/** What prose says in place of the name. */
const SOMEBODY = '(deleted)';
/** Members whose values are names of other things, whatever tenant is called the same. */
const OTHER_NAMES =
  /^(?:action|category|feature|integration|key|kind|metric|mode|model|name|operation|period|plan|provider|region|route|rule|scope|segment|service|signal|sku|stage|state|status|step|store|subject|type|unit|version)s?$/i;
/** Members whose keys are tenants. */
const BY_TENANT = /tenant|suspect|victim|share|customer/i;
/** An id that is no word which anybody would give to something else, too. */
const DISTINCT = /[\d._:@|-]/;

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** The id where it stands by itself, and not as part of a longer one; a full stop or colon after it ends it, too. */
function tokenPattern(tenantId: string, flags: string): RegExp {
  return new RegExp(`(?<![A-Za-z0-9._:@|-])${escaped(tenantId)}(?![A-Za-z0-9_]|[.:@|-][A-Za-z0-9])`, flags);
}

/** Whether the text names the tenant. */
export function namesTenant(text: string, tenantId: TenantId): boolean {
  return text.includes(tenantId) && tokenPattern(tenantId, '').test(text);
}

/** Prose without the name, never longer than it was. */
export function withoutTenant(text: string, tenantId: TenantId): string {
  return text.replace(tokenPattern(tenantId, 'g'), SOMEBODY).slice(0, Math.max(text.length, SOMEBODY.length));
}

/**
 * JSON with `pseudonym` where the tenant was named: values that are the id, keys of what is told by tenant, and names
 * within prose. What only happens to be called the same (a service, a route) stays.
 * @throws SyntaxError for what is not JSON
 */
export function jsonWithoutTenant(text: string, tenantId: TenantId, pseudonym: string): string {
  const pattern = tokenPattern(tenantId, 'g');
  const keyOf = (key: string, parent: string) =>
    key === tenantId && (DISTINCT.test(tenantId) || BY_TENANT.test(parent)) ? pseudonym : key;
  const visit = (value: ExactJson, name: string): ExactJson => {
    if (typeof value === 'string') {
      if (value === tenantId) return OTHER_NAMES.test(name) && !DISTINCT.test(tenantId) ? value : pseudonym;
      return value.replace(pattern, SOMEBODY);
    }
    if (value instanceof JsonNumber) return value;
    if (isList(value)) return value.map((item) => visit(item, name));
    if (!isExactObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [keyOf(key, name), visit(member, key)]));
  };
  return exactJsonText(visit(parseExactJson(text), ''));
}
