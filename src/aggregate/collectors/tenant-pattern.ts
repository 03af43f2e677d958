import { parseTenantId, type TenantId } from '../../domain/tenant-id.ts';

const PLACE = '{tenant_id}';

/** Finds tenants in names that are made by a pattern such as `tenants/{tenant_id}/`. */
export interface TenantPattern {
  /** What every name begins with. */
  readonly prefix: string;
  /** Undefined: the name is not made by the pattern. */
  tenantOf(name: string): TenantId | undefined;
}

/** A tenant's part of a name ends where the pattern goes on, or at a slash. @throws RangeError without the place once */
export function tenantPattern(pattern: string): TenantPattern {
  const [prefix = '', rest, ...more] = pattern.split(PLACE);
  if (rest === undefined || more.length > 0) throw new RangeError(`A pattern has ${PLACE} once`);
  return {
    prefix,
    tenantOf: (name) => {
      if (!name.startsWith(prefix)) return undefined;
      const tail = name.slice(prefix.length);
      const slash = tail.indexOf('/');
      const segment = slash === -1 ? tail : tail.slice(0, slash);
      if (rest === '') return parseTenantId(segment);
      const end = tail.indexOf(rest);
      return end === -1 || end > segment.length ? undefined : parseTenantId(tail.slice(0, end));
    },
  };
}
