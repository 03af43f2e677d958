/** A field that nobody has asked for is refused by name, wherever it stands, and nothing of the request is kept. */
import pg from 'pg';
import { expect, it } from 'vitest';
import { PERMISSIONS } from '../../../src/api/permissions.ts';
import type { AccessRequest } from '../../support/access-client.ts';
import { API_ROWS, requestTo } from '../../support/access-routes.ts';
import type { Row } from '../../support/api-good-requests.ts';
import { OWN } from '../../support/api-harness.ts';
import type { AttackWorld } from './attack-world.ts';

const MARK = 'zqassigned';
/** Fields that the stores have, and no caller may write; the last is what a merge of objects would stumble over. */
const EXTRAS: Readonly<Record<string, unknown>> = {
  created_by: MARK,
  created_at: '2020-01-01T00:00:00Z',
  revoked_at: MARK,
  set_by: MARK,
  made_by_tenant: MARK,
  is_admin: true,
  super_admin: 'on',
  status: MARK,
  state_of: MARK,
  cost_micro: 1,
  tenantId: MARK,
  zqassigned: MARK,
  constructor: { prototype: { polluted: MARK } },
};
const IN_DEPTH = ['created_by', 'zqassigned'];

/** RFC 7644, 3.3: a directory may send what we do not know. */
const SCIM_PREFIX = ' /scim/v2/';

/** What takes further fields by intention, and says so; that nothing of them is kept is asked of them, too. */
const TOLERANT: Readonly<Record<string, RegExp>> = {
  // Extension attributes are part of the standard: taken, and not kept.
  'POST /v1/events': /./,
  // The context is the app's own.
  'POST /ofrep/v1/evaluate/flags': /./,
  'POST /ofrep/v1/evaluate/flags/:key': /./,
  // Newer middleware tells more than an older server knows.
  'POST /v1/breakers/reports': /^\/breakers\//,
};

type Path = readonly (string | number)[];

function objectsIn(value: unknown, path: Path = []): Path[] {
  if (Array.isArray(value)) return value.flatMap((inner, index) => objectsIn(inner, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return [path, ...Object.entries(value).flatMap(([name, inner]) => objectsIn(inner, [...path, name]))];
}

function withField(value: unknown, [step, ...rest]: Path, name: string, extra: unknown): unknown {
  if (step === undefined) return { ...(value as object), [name]: extra };
  if (Array.isArray(value))
    return value.map((inner, index) => (index === step ? withField(inner, rest, name, extra) : inner));
  return { ...(value as object), [step]: withField((value as Record<string, unknown>)[step], rest, name, extra) };
}

export function massAssignmentSuite(world: () => AttackWorld): void {
  /** Tables in which the mark stands, as whoever owns them sees it. */
  async function tablesWithMark(): Promise<string[]> {
    const owner = new pg.Client({ connectionString: world().server.stores.postgresOwnerUrl });
    await owner.connect();
    try {
      const { rows } = await owner.query<{ name: string }>(
        `select tablename as name from pg_tables where schemaname = 'tenantry'`,
      );
      const found: string[] = [];
      for (const { name } of rows) {
        const { rowCount } = await owner.query(
          `select from tenantry.${pg.escapeIdentifier(name)} t where t::text like $1 limit 1`,
          [`%${MARK}%`],
        );
        if (rowCount !== 0) found.push(name);
      }
      return found;
    } finally {
      await owner.end();
    }
  }

  async function askerOf(row: Row): Promise<(request: AccessRequest) => Promise<{ status: number; body: string }>> {
    const access = PERMISSIONS[row];
    if (access === 'public' || access.roles.some((role) => role === 'admin'))
      return (request) => world().asAdmin(request);
    const headers = { 'x-tenantry-key': await world().keyFor(access.keyScopes) };
    return (request) => world().send({ ...request, headers });
  }

  it('is refused on every route that takes a body', async () => {
    const faults: string[] = [];
    let asked = 0;
    for (const row of API_ROWS.filter((one) => !one.startsWith('GET '))) {
      const request = requestTo(row, world().operation(row), OWN);
      if (typeof request.payload !== 'object' || request.payload === null) continue;
      const ask = await askerOf(row);
      for (const path of objectsIn(request.payload)) {
        const at = `/${path.join('/')}${path.length === 0 ? '' : '/'}`;
        const isTolerant = row.includes(SCIM_PREFIX) || (TOLERANT[row]?.test(at) ?? false);
        for (const [name, extra] of Object.entries(EXTRAS).filter(
          ([one]) => path.length === 0 || IN_DEPTH.includes(one),
        )) {
          asked += 1;
          const { status, body } = await ask({ ...request, payload: withField(request.payload, path, name, extra) });
          if (isTolerant) {
            if (status >= 500) faults.push(`${row} ${at}${name}: ${status} ${body.slice(0, 160)}`);
            continue;
          }
          const isNamed = status === 400 && (body.includes(name) || name === 'constructor');
          if (!isNamed) faults.push(`${row} ${at}${name}: ${status} ${body.slice(0, 160)}`);
        }
      }
    }
    expect(faults, faults.join('\n')).toEqual([]);
    expect(asked).toBeGreaterThan(500);
    expect(await tablesWithMark()).toEqual([]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  }, 120_000);
}
