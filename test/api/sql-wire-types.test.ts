// The types that the page of statements is written against are those that the server checks.
import { expect, test } from 'vitest';
import type { z } from 'zod';
import type { sqlBodySchema, sqlResultSchema, sqlTableListSchema } from '../../src/api/sql.ts';
import type * as sql from '../../src/api/sql-contract.ts';

/** True only for the very same type, in both directions, with optional and readonly marks. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Unfolds intersections, so that two ways to write one object type compare equal. */
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Agree<Schema extends z.ZodType, Wire> = Equal<Flat<z.infer<Schema>>, Flat<Wire>>;

/** The compiler checks this: a field that only one side has, or with another type, makes one of them `false`. */
const AGREEMENTS: {
  body: Agree<typeof sqlBodySchema, sql.SqlBody>;
  result: Agree<typeof sqlResultSchema, sql.SqlResult>;
  tables: Agree<typeof sqlTableListSchema, sql.SqlTableList>;
} = { body: true, result: true, tables: true };

test('schemas and wire types of statements agree', () => {
  expect(Object.values(AGREEMENTS)).not.toContain(false);
});
