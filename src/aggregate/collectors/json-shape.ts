import { TenantryError } from '../../domain/errors.ts';

/** Answers of services are read field by field: what is not there, or of another type, is a plain error and no guess. */
export type Json = Readonly<Record<string, unknown>>;

function unreadable(name: string): TenantryError {
  return new TenantryError('STORE_UNAVAILABLE', `The answer of the storage service has no readable "${name}".`);
}

/** @throws TenantryError STORE_UNAVAILABLE */
export function objectOf(value: unknown, name: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable(name);
  return value as Json;
}

/** @throws TenantryError STORE_UNAVAILABLE */
export function listOf(value: unknown, name: string): readonly Json[] {
  if (!Array.isArray(value)) throw unreadable(name);
  return value.map((item) => objectOf(item, name));
}

/** A whole number of at least 0. @throws TenantryError STORE_UNAVAILABLE */
export function countOf(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw unreadable(name);
  return value;
}

/** @throws TenantryError STORE_UNAVAILABLE */
export function textOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw unreadable(name);
  return value;
}
