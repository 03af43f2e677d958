/** SQL in every place of every route that takes a text: nothing of it may run, show more, or come back in an error. */
import { existsSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AccessAnswer } from '../../support/access-client.ts';
import { type TextPlace, textPlaces } from '../../support/access-parameters.ts';
import { naughtyStrings, SQL_PAYLOADS, TRAP, TRAP_FILE } from '../../support/access-payloads.ts';
import { API_ROWS } from '../../support/access-routes.ts';
import type { Row } from '../../support/api-good-requests.ts';
import type { AttackWorld } from './attack-world.ts';

/** For each place that takes any text, and for each that takes a few words: the lists go round, so that all are used. */
const PER_FREE_PLACE = 5;
const PER_NARROW_PLACE = 2;
const AT_ONCE = 8;
/** Their text is a statement by intention; they have tests of their own. */
const TAKES_SQL = new Set<string>(['POST /v1/sql']);
/** Endless, or an end of what the others need. */
const LEFT_OUT = new Set<string>(['GET /v1/flags/stream', 'GET /ofrep/v1/events', 'POST /v1/session/end']);
/** In words that only a database, or a stack, has. */
const TELLTALE =
  /syntax error|DB::Exception|SQLSTATE|relation "|column "|pg_catalog|libpg|node_modules|\bat [\w.<>]+ \(|\.ts:\d+/;
/** Texts that are no SQL to anybody may find more than others do: a name, a number, a word. */
const HAS_SYNTAX = /['"`;\\()%*$@?{}]/;

interface Place extends TextPlace {
  readonly row: Row;
  readonly index: number;
}

/** How many things an answer lists, at whatever depth; lines where it is a file. */
function listed({ headers, body }: AccessAnswer): number {
  if (!/json/.test(headers['content-type'] ?? '')) return body.split('\n').length;
  const count = (value: unknown): number => {
    if (Array.isArray(value)) return value.length + value.reduce<number>((sum, inner) => sum + count(inner), 0);
    if (typeof value !== 'object' || value === null) return 0;
    return Object.values(value).reduce<number>((sum, inner) => sum + count(inner), 0);
  };
  return count(JSON.parse(body));
}

function faultOf(place: Place, payload: string, answer: AccessAnswer, twin: AccessAnswer): string[] {
  const where = `${place.row}, ${place.name}, ${JSON.stringify(payload)}`;
  if (answer.status >= 500) return [`${where}: ${answer.status} ${answer.body.slice(0, 200)}`];
  if (answer.status >= 400)
    return TELLTALE.test(answer.body) ? [`${where}: tells of the inside: ${answer.body.slice(0, 300)}`] : [];
  if (!place.row.startsWith('GET ') || !HAS_SYNTAX.test(payload)) return [];
  const [rows, twins] = [listed(answer), twin.status < 400 ? listed(twin) : 0];
  return rows > twins && twin.status < 400
    ? [`${where}: ${rows} rows, and ${twins} for a word that means nothing`]
    : [];
}

export function injectionSuite(world: () => AttackWorld): void {
  let owner: pg.Client;
  const naughty = naughtyStrings();

  /** How often anything that was planted in either database was called. */
  async function sprung(): Promise<readonly number[]> {
    const { rows } = await owner.query<{ n: string }>(
      'select (last_value + is_called::int)::text as n from public.zqtraps',
    );
    const slept = await world().server.stores.clickhouse.inspect<{ n: string }>(
      `SELECT toString(sum(value)) AS n FROM system.events WHERE event = 'SleepFunctionCalls'`,
    );
    return [Number(rows[0]?.n), Number(slept[0]?.n)];
  }

  beforeAll(async () => {
    owner = new pg.Client({ connectionString: world().server.stores.postgresOwnerUrl });
    await owner.connect();
    // A sequence is not rolled back with the transaction that was tricked into counting.
    await owner.query(`create sequence public.zqtraps;
      create function ${TRAP} returns bigint language sql volatile security definer as $$ select nextval('public.zqtraps') $$`);
  });
  afterAll(() => owner.end());

  it('has traps that would be sprung', async () => {
    const before = await sprung();
    await world().server.stores.postgres.inStaffTransaction(
      { kind: 'system', subject: 'traps' },
      async (transaction) => {
        await transaction.query(`select ${TRAP}`);
        transaction.unaudited('a trap is tried out');
      },
    );
    await world().server.stores.clickhouse.inspect('SELECT sleep(0.001)');
    const after = await sprung();
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1]);
  });

  it('is tried with the big list of naughty strings, too', (context) => {
    if (naughty === undefined) return context.skip('../shared/data/hostile/strings is not here');
    expect(naughty.length).toBeGreaterThan(500);
  });

  it('comes to nothing in every sort, filter, search, cursor, id and field', async () => {
    const payloads = [SQL_PAYLOADS, naughty ?? []];
    const taken = [0, 0];
    const next = (list: number) => {
      const at = taken[list] ?? 0;
      taken[list] = at + 1;
      return payloads[list]?.[at % (payloads[list]?.length || 1)];
    };
    const places = API_ROWS.filter((row) => !LEFT_OUT.has(row) && !TAKES_SQL.has(row)).flatMap((row) =>
      textPlaces(row, world().operation(row)).map((place, index): Place => ({ ...place, row, index })),
    );
    const before = await sprung();
    const faults: string[] = [];
    let asked = 0;
    const attack = async (place: Place) => {
      const twin = await world().asAdmin(place.with('zqnothing'));
      const count = place.isFree ? PER_FREE_PLACE : PER_NARROW_PLACE;
      for (let turn = 0; turn < count; turn += 1) {
        // Two of ours to one of theirs, which are about more than databases.
        const payload = next(turn % 3 === 2 && naughty !== undefined ? 1 : 0) ?? '';
        asked += 1;
        faults.push(...faultOf(place, payload, await world().asAdmin(place.with(payload)), twin));
      }
    };
    const waiting = [...places];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) await attack(place);
      }),
    );
    expect(faults, faults.join('\n')).toEqual([]);
    expect(SQL_PAYLOADS.length).toBeGreaterThan(100);
    expect(taken[0]).toBeGreaterThan(SQL_PAYLOADS.length * 2);
    expect(places.length).toBeGreaterThan(300);
    expect(await sprung()).toEqual(before);
    expect(existsSync(TRAP_FILE)).toBe(false);
    process.stdout.write(
      `\nSQL injection: ${asked} requests to ${places.length} places of ${API_ROWS.length} routes\n`,
    );
  }, 240_000);

  it('has left both tenants as they were', async () => {
    const { rows } = await owner.query<{ tenant_id: string }>('select tenant_id from tenantry.tenants order by 1');
    expect(rows.map((row) => row.tenant_id)).toEqual(expect.arrayContaining(['acme', 'globex']));
  });
}
