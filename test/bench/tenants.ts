/** A name that sorts as its number does. */
export const benchTenant = (index: number, prefix = 'tenant') => `${prefix}-${String(index).padStart(5, '0')}`;

/** The same in SQL, of a number. */
export const benchTenantSql = (number: string) => `concat('tenant-', leftPad(toString(${number}), 5, '0'))`;

/**
 * How many tenants `--tenants <number>` asks for; 10,000 without it.
 * @throws Error for what is no whole number from 100
 */
export function tenantsOption(options: readonly string[]): number {
  const tenants = options[0] === '--tenants' ? Number(options[1]) : 10_000;
  if (!Number.isSafeInteger(tenants) || tenants < 100) throw new Error('--tenants takes a whole number from 100');
  return tenants;
}
