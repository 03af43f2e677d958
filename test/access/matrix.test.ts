/**
 * The isolation matrix: every route of /openapi.json x everybody who can ask x (own tenant, another, one that is not there,
 * none), on the real server and its real stores. What is expected comes from the permission table and from
 * test/support/access-expectations.ts; a route without an expectation fails, and so does a cell that was not asked.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PERMISSIONS } from '../../src/api/permissions.ts';
import { type AccessCaller, accessCallers, type Credentials } from '../support/access-callers.ts';
import { type AccessAnswer, wholeText } from '../support/access-client.ts';
import { OPEN_TO_TENANTS, statusesOf } from '../support/access-expectations.ts';
import { impostors } from '../support/access-impostors.ts';
import {
  API_ROWS,
  type OpenApi,
  type Operation,
  operationsOf,
  placesIn,
  placesUsed,
  requestTo,
  TENANTS_ARE_DATA,
} from '../support/access-routes.ts';
import { STAFF_WORD, wordOf } from '../support/access-seed.ts';
import { type AccessWorld, startAccessWorld } from '../support/access-world.ts';
import type { Row } from '../support/api-good-requests.ts';
import { ABSENT, type IdentityProvider, OTHER, OWN, startIdentityProvider } from '../support/api-harness.ts';
import { until } from '../support/flow-waiting.ts';

type Target = 'own' | 'other' | 'absent' | 'none';

interface Cell {
  readonly row: Row;
  readonly caller: string;
  readonly target: Target;
  readonly status: number;
}

const TENANT_OF: Readonly<Record<Target, string | undefined>> = {
  own: OWN,
  other: OTHER,
  absent: ABSENT,
  none: undefined,
};
const AT_ONCE = 8;

let world: AccessWorld;
let stranger: IdentityProvider;
let document: OpenApi;
let operations: ReadonlyMap<string, Operation>;
let shared: readonly AccessCaller[];
let nobodies: Readonly<Record<string, Credentials>>;
const cells: Cell[] = [];
/** Routes in whose answers staff read the word of the other tenant: there silence towards a tenant says something. */
const telling = new Set<Row>();

beforeAll(async () => {
  world = await startAccessWorld();
  stranger = await startIdentityProvider();
  document = JSON.parse((await world.send({ method: 'GET', url: '/openapi.json' })).body) as OpenApi;
  operations = operationsOf(document);
  shared = await accessCallers(world);
  nobodies = await impostors(world, stranger);
  const short = nobodies['expired key'] ?? {};
  const whoami = () => world.send({ method: 'GET', url: '/v1/whoami', headers: short });
  await until('the short key to expire', async () => (await whoami()).status === 401);
}, 120_000);

afterAll(async () => {
  process.stdout.write(`\n${summary()}\n`);
  await world.end();
  await stranger.close();
});

/** One line for each caller: how many cells, and how they were answered. */
function summary(): string {
  const kinds = ['2xx', '401', '403', '404', 'other'] as const;
  const kindOf = ({ status }: Cell) =>
    kinds.find((kind) => kind === String(status)) ?? (status < 300 ? '2xx' : 'other');
  const known = new Set(shared.map(({ name }) => name));
  const line = (name: string, own: readonly Cell[]) =>
    [
      name.padEnd(26),
      ...[own.length, ...kinds.map((kind) => own.filter((cell) => kindOf(cell) === kind).length)].map((n) =>
        String(n).padStart(7),
      ),
    ].join('');
  return [
    ['isolation matrix'.padEnd(26), ...['cells', ...kinds].map((text) => text.padStart(7))].join(''),
    ...shared.map(({ name }) =>
      line(
        name,
        cells.filter(({ caller }) => caller === name),
      ),
    ),
    line(
      `impostors (${Object.keys(nobodies).length})`,
      cells.filter(({ caller }) => !known.has(caller)),
    ),
    line(`all, ${new Set(cells.map(({ row }) => row)).size} routes`, cells),
  ].join('\n');
}

function operationOf(row: Row): Operation {
  const operation = operations.get(row);
  if (operation === undefined) throw new Error(`${row} is not in /openapi.json`);
  return operation;
}

function targetsOf(row: Row, isAlias = false): Target[] {
  const places = placesUsed(row, operationOf(row));
  if (places.length === 0) return ['none'];
  if (isAlias) return ['own'];
  return ['own', 'other', 'absent', ...(places.includes('path') ? [] : ['none' as const])];
}

async function ask(row: Row, name: string, credentials: Credentials, target: Target): Promise<AccessAnswer> {
  const asked = requestTo(row, operationOf(row), TENANT_OF[target]);
  const answer = await world.send({ ...asked, headers: { ...credentials, ...asked.headers } });
  cells.push({ row, caller: name, target, status: answer.status });
  return answer;
}

/** What another tenant, or the operator's people, are known by. */
const foreignIn = (text: string) => [wordOf(OTHER), OTHER, STAFF_WORD].filter((word) => text.includes(word));

type Answers = ReadonlyMap<Target, AccessAnswer>;

/** Whoever may not, may not: whichever tenant is named, and in the same bytes. */
function refusedFaults(answers: Answers): string[] {
  const texts = new Set([...answers.values()].map(wholeText));
  return [
    ...[...answers].flatMap(([target, { status }]) => (status === 403 ? [] : [`${target}: ${status} and not 403`])),
    ...(texts.size === 1 ? [] : ['the refusals differ by tenant']),
  ];
}

function staffFaults(row: Row, answers: Answers): string[] {
  return [...answers].flatMap(([target, { status, body }]) => {
    if (target !== 'own' && body.includes(wordOf(OTHER))) telling.add(row);
    const expected = statusesOf(row, 'staff', target);
    return expected.includes(status)
      ? []
      : [`${target}: ${status} and not ${expected.join(' or ')}: ${body.slice(0, 200)}`];
  });
}

function boundFaults(row: Row, answers: Answers): string[] {
  const [other, absent] = [answers.get('other'), answers.get('absent')];
  return [
    ...[...answers].flatMap(([target, { status, body }]) => {
      const expected = statusesOf(row, 'bound', target);
      return expected.includes(status)
        ? []
        : [`${target}: ${status} and not ${expected.join(' or ')}: ${body.slice(0, 200)}`];
    }),
    ...[...answers].flatMap(([target, answer]) =>
      foreignIn(wholeText(answer)).map((word) => `${target}: tells of "${word}"`),
    ),
    ...(other && absent && wholeText(other) !== wholeText(absent)
      ? ['another tenant differs from one that is not there']
      : []),
  ];
}

async function callerFaults(row: Row, caller: AccessCaller): Promise<string[]> {
  const answers = new Map<Target, AccessAnswer>();
  for (const target of targetsOf(row, caller.isAlias))
    answers.set(target, await ask(row, caller.name, caller.credentials, target));
  const judge = () => {
    if (!caller.may(row)) return refusedFaults(answers);
    return caller.isBound && PERMISSIONS[row] !== 'public' ? boundFaults(row, answers) : staffFaults(row, answers);
  };
  return judge().map((fault) => `${caller.name}, ${fault}`);
}

async function impostorFaults(row: Row): Promise<string[]> {
  const target = targetsOf(row)[0] ?? 'none';
  const expected = PERMISSIONS[row] === 'public' ? statusesOf(row, 'staff', target) : [401];
  const waiting = Object.entries(nobodies);
  const answers: [string, AccessAnswer][] = [];
  while (waiting.length > 0) {
    const some = waiting.splice(0, AT_ONCE);
    answers.push(
      ...(await Promise.all(
        some.map(
          async ([name, credentials]) => [name, await ask(row, name, credentials, target)] as [string, AccessAnswer],
        ),
      )),
    );
  }
  const first = answers[0] === undefined ? '' : wholeText(answers[0][1]);
  return answers.flatMap(([name, answer]) => [
    ...(expected.includes(answer.status) ? [] : [`${name}: ${answer.status} and not ${expected.join(' or ')}`]),
    ...(expected.includes(401) && wholeText(answer) !== first ? [`${name}: differs from nobody`] : []),
  ]);
}

test('every route has a row, every row a route, and each is asked wherever it can name a tenant', () => {
  expect([...operations.keys()].sort()).toEqual([...API_ROWS].sort());
  const about = [...operations].filter(([row]) => !TENANTS_ARE_DATA.includes(row as Row));
  const unnamed = about.flatMap(([row, operation]) => {
    const used = placesUsed(row as Row, operation);
    return placesIn(row, operation, document)
      .filter((place) => !used.includes(place))
      .map((place) => `${row}: ${place}`);
  });
  expect(unnamed).toEqual([]);
});

test('every route that a tenant can reach was decided on, and no other', () => {
  const open = API_ROWS.filter((row) =>
    shared.some((caller) => caller.isBound && PERMISSIONS[row] !== 'public' && caller.may(row)),
  );
  expect(Object.keys(OPEN_TO_TENANTS).sort()).toEqual(open.sort());
});

describe.each(API_ROWS)('%s', (row) => {
  test('answers everybody as the tables say, and tells nobody of another tenant', async () => {
    // It ends the sessions of those who call it.
    const callers = row === 'POST /v1/session/end' ? await accessCallers(world) : shared;
    const faults: string[] = [];
    // What changes something changes it for the next; what only reads may be asked by several.
    const atOnce = row.startsWith('GET ') ? AT_ONCE : 1;
    for (let next = 0; next < callers.length; next += atOnce) {
      const some = await Promise.all(callers.slice(next, next + atOnce).map((caller) => callerFaults(row, caller)));
      faults.push(...some.flat());
    }
    faults.push(...(await impostorFaults(row)));
    expect(faults, faults.join('\n')).toEqual([]);
  }, 60_000);
});

test('no cell was left out', () => {
  const asked = API_ROWS.flatMap((row) => shared.map(({ isAlias }) => targetsOf(row, isAlias).length));
  const expected = asked.reduce((sum, count) => sum + count, API_ROWS.length * Object.keys(nobodies).length);
  expect(cells.length).toBe(expected);
  expect(new Set(cells.map(({ row, caller, target }) => `${row} ${caller} ${target}`)).size).toBe(expected);
});

test('where nothing was told of the other tenant, there was something to tell', () => {
  const silent = Object.entries(OPEN_TO_TENANTS).filter(([row, { tells }]) => tells && !telling.has(row as Row));
  expect(silent.map(([row]) => row)).toEqual([]);
});
