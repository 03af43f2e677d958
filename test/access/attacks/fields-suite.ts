/** What a tenant reads of each route, field by field: a field that nobody decided on fails. */
import { expect, it } from 'vitest';
import { PERMISSIONS } from '../../../src/api/permissions.ts';
import { isTenantRole } from '../../../src/domain/roles.ts';
import { FIELDS_FOR_TENANTS } from '../../support/access-fields.ts';
import { API_ROWS, type OpenApi, type Operation } from '../../support/access-routes.ts';
import type { Row } from '../../support/api-good-requests.ts';
import type { AttackWorld } from './attack-world.ts';

/** What a tenant is worth and costs is the operator's business, and so are the operator's people and machines. */
const OF_THE_OPERATOR = /cost|margin|revenue|mrr|discount|owner|segment|staff|placement|allocation|sha256|secret|score/;

function isOpen(row: Row): boolean {
  const access = PERMISSIONS[row];
  return access !== 'public' && access.roles.some(isTenantRole);
}

/** Every field of a schema by its path; `[]` for the items of a list, `{}` for the values of a map. */
function pathsOf(schema: unknown, document: OpenApi, path = '', seen: readonly string[] = []): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  if ('$ref' in schema) {
    const name = String(schema.$ref).replace('#/components/schemas/', '');
    return seen.includes(name) ? [] : pathsOf(document.components.schemas[name], document, path, [...seen, name]);
  }
  const inner = (value: unknown, at: string) => pathsOf(value, document, at, seen);
  const { properties = {}, items, additionalProperties, ...rest } = schema as Record<string, object>;
  return [
    ...Object.entries(properties).flatMap(([name, value]) => {
      const at = path === '' ? name : `${path}.${name}`;
      return [at, ...inner(value, at)];
    }),
    ...(items === undefined ? [] : inner(items, `${path}[]`)),
    ...(additionalProperties === undefined ? [] : inner(additionalProperties, `${path}{}`)),
    ...['anyOf', 'oneOf', 'allOf'].flatMap((word) =>
      Object.values(rest[word] ?? {}).flatMap((one) => inner(one, path)),
    ),
  ];
}

function fieldsOf({ responses = {} }: Operation, document: OpenApi): string[] {
  const good = Object.entries(responses).filter(([status]) => status.startsWith('2'));
  const json = good.flatMap(([, { content = {} }]) =>
    Object.entries(content).filter(([type]) => type.includes('json')),
  );
  const paths = json.flatMap(([, media]) => pathsOf((media as { schema?: unknown }).schema, document));
  return [...new Set(paths)].sort();
}

/** What sounds like the operator's and is the tenant's: what its own AI use comes to, and what a throttle is about. */
const THEIR_OWN = ['GET /v1/tenants items[].ai_cost_micro', 'GET /v1/throttles items[].scope.cost_class'];

const decided = Object.entries(FIELDS_FOR_TENANTS).map(
  ([row, lines]) => [row, lines.flatMap((line) => line.split(' ')).sort()] as const,
);

export function fieldsSuite(world: () => AttackWorld): void {
  it('is one that was decided on, on every route that a tenant can reach', () => {
    const { document } = world();
    const found = API_ROWS.filter(isOpen).map((row) => [row, fieldsOf(world().operation(row), document)] as const);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(decided));
  });

  it("is none that is the operator's own", () => {
    const all = decided.flatMap(([row, fields]) => fields.map((field) => `${row} ${field}`));
    const suspicious = all.filter((text) => OF_THE_OPERATOR.test(text.slice(text.lastIndexOf(' '))));
    expect(suspicious.sort()).toEqual([...THEIR_OWN].sort());
  });
}
