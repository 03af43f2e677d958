import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StaffActor } from '../../../src/domain/actor.ts';
import type { AuditChainProblem, AuditHead } from '../../../src/domain/audit.ts';
import type { TenantId } from '../../../src/domain/tenant-id.ts';
import { AuditChainReader, ChainWalk, linkHash } from '../../../src/store/postgres/audit-chain.ts';
import { AuditLog } from '../../../src/store/postgres/audit-log.ts';
import { startTestPostgres, type TestPostgres } from '../../support/postgres.ts';

const ADA: StaffActor = { kind: 'staff', subject: 'ada', role: 'admin' };
/** As many as are promised: several pages of a check. */
const RECORDS = 10_000;
const NEAR_END = RECORDS - 10;

let db: TestPostgres;
let superuser: pg.Client;
let reader: AuditChainReader;

beforeAll(async () => {
  db = await startTestPostgres();
  superuser = new pg.Client({ connectionString: db.ownerUrl });
  await superuser.connect();
  reader = new AuditChainReader(db.postgres);
  const log = new AuditLog(db.postgres);
  // Values that a careless encoding would mix up, through the way that the program writes.
  const odd = { 'a:b': '1,2', quote: `'"\\`, größe: '你好', nested: [null, 1e21, -0.5, { deep: true }] };
  await log.append({ ...ADA, requestId: '-' }, { action: 'odd.one', resource: '5:a,b-', before: odd });
  await log.append(ADA, { action: 'odd.two', resource: '', tenantId: 'acme' as TenantId, after: 'text' });
  await superuser.query(
    `insert into tenantry.audit_log (subject, role, tenant_id, action, resource, after)
     select 'ada', 'sre', 't' || i % 7, 'throttle.create', 'throttle/' || i, jsonb_build_object('n', i)
     from generate_series(3, $1::int) i`,
    [RECORDS],
  );
}, 60_000);
afterAll(async () => {
  await superuser.end();
  await db.stop();
});

/** What a check finds while `change` is done to the tables with every trigger off; undone afterwards. */
async function foundAfter(change: readonly string[], kept: readonly AuditHead[] = []) {
  const undo = ['audit_log', 'audit_chain'].map(
    (table) => `
    truncate tenantry.${table}; insert into tenantry.${table} overriding system value select * from ${table}_kept`,
  );
  await superuser.query('set session_replication_role = replica');
  await superuser.query(
    'alter table tenantry.audit_log disable trigger all; alter table tenantry.audit_chain disable trigger all',
  );
  try {
    for (const table of ['audit_log', 'audit_chain']) {
      await superuser.query(`create temp table if not exists ${table}_kept as select * from tenantry.${table}`);
    }
    for (const statement of change) await superuser.query(statement);
    return await reader.check(kept);
  } finally {
    for (const statement of undo) await superuser.query(statement);
    await superuser.query(
      'alter table tenantry.audit_log enable trigger all; alter table tenantry.audit_chain enable trigger all',
    );
    await superuser.query('set session_replication_role = origin');
  }
}

const kinds = (problems: readonly AuditChainProblem[]) => problems.map(({ kind, position }) => `${kind} ${position}`);

describe('the chain of the audit log', () => {
  it(`holds over ${RECORDS} records, computed here from what the database says`, async () => {
    const found = await reader.check([]);
    expect(found).toMatchObject({ entries: RECORDS, problemsTotal: 0, head: { position: RECORDS } });
    expect(await reader.hashAt(RECORDS)).toBe(found.head?.hash);
    expect(await reader.hashAt(RECORDS + 1)).toBeUndefined();
  });

  const link = (position: number) => `(select seq from tenantry.audit_chain where position = ${position})`;
  it('shows an edit of any one field, each as one problem at its place', async () => {
    const edits = [
      `subject = 'eve'`,
      `role = 'system'`,
      `at = at + interval '1 microsecond'`,
      'tenant_id = null',
      `action = 'throttle.lift'`,
      `resource = resource || ' '`,
      `before = '{}'`,
      `after = '{"n": 0}'`,
      `request_id = ''`,
    ];
    const changes = edits.map((set, at) => `update tenantry.audit_log set ${set} where seq = ${link(2_500 + 2 * at)}`);
    const { problems } = await foundAfter(changes);
    expect(kinds(problems)).toEqual(edits.map((_set, at) => `edited ${2_500 + 2 * at}`));
    expect(problems.filter(({ id }) => id === null)).toEqual([]);
  });

  it.each([
    ['a record taken out', [`delete from tenantry.audit_log where seq = ${link(77)}`], ['missing 77']],
    [
      'a record taken out with its link',
      [
        `delete from tenantry.audit_log where seq = ${link(77)}`,
        'delete from tenantry.audit_chain where position = 77',
      ],
      ['missing 77'],
    ],
    [
      'one taken out and the places closed up',
      [
        `delete from tenantry.audit_log where seq = ${link(NEAR_END)}`,
        `delete from tenantry.audit_chain where position = ${NEAR_END}`,
        `update tenantry.audit_chain set position = position + 20000 where position > ${NEAR_END}`,
        'update tenantry.audit_chain set position = position - 20001 where position > 20000',
      ],
      Array.from({ length: 10 }, (_, index) => `edited ${NEAR_END + index}`),
    ],
    [
      'two records that changed places',
      [
        'update tenantry.audit_chain set seq = -seq where position in (40, 41)',
        `update tenantry.audit_chain c set seq = -o.seq from tenantry.audit_chain o
         where c.position in (40, 41) and o.position = 81 - c.position`,
      ],
      ['edited 40', 'edited 41'],
    ],
    [
      'a record slipped in past the trigger',
      [`insert into tenantry.audit_log (subject, role, action, resource) values ('eve', 'admin', 'key.create', 'x')`],
      ['unchained null'],
    ],
    [
      'the first record taken out',
      [`delete from tenantry.audit_log where seq = ${link(1)}`, 'delete from tenantry.audit_chain where position = 1'],
      ['missing 1'],
    ],
  ])('shows %s', async (_what, change, expected) => {
    expect(kinds((await foundAfter(change)).problems)).toEqual(expected);
  });

  it('shows an end that was cut off, by the head that an earlier check kept', async () => {
    const head = (await reader.check([])).head;
    if (head === null) throw new Error('the log is empty');
    const cut = [
      'delete from tenantry.audit_log where seq > 4000',
      'delete from tenantry.audit_chain where position > 4000',
    ];
    const { problems } = await foundAfter(cut, [head]);
    expect(kinds(problems)).toEqual(['truncated 4001']);
    // Without a kept head a log that ends earlier is just a shorter log.
    expect((await foundAfter(cut)).problems).toEqual([]);
  });

  it('shows a chain that was written anew, by the head that an earlier check kept', async () => {
    const kept = { position: 3, hash: (await reader.hashAt(3)) ?? '' };
    const forged = linkHash('00'.repeat(32), 3, ['x']);
    const { problems } = await foundAfter(
      [`update tenantry.audit_chain set hash = decode('${forged}', 'hex') where position = 3`],
      [kept],
    );
    expect(kinds(problems)).toEqual(['edited 3', 'rewritten 3', 'edited 4']);
  });

  it('gives places without gaps to writers at once, whatever is rolled back between them', async () => {
    const before = await reader.length();
    const log = new AuditLog(db.postgres);
    const writes = Array.from({ length: 30 }, (_, index) =>
      index % 3 === 0
        ? db.postgres
            .inStaffTransaction(ADA, async (transaction) => {
              await transaction.audit({ action: 'x.undone', resource: 'x' });
              throw new Error('changed my mind');
            })
            .catch((error: Error) => expect(error.message).toBe('changed my mind'))
        : log.append(ADA, { action: 'x.done', resource: String(index) }),
    );
    await Promise.all(writes);
    const found = await reader.check([]);
    expect(found).toMatchObject({ entries: before + 20, problemsTotal: 0 });
  });

  it('waits for nobody once it has its place: writers that lock rows after their record do not stop each other', async () => {
    await superuser.query(
      'create table public.things (id int primary key, n int); insert into public.things values (1, 0), (2, 0); grant all on public.things to tenantry_staff',
    );
    const change = (first: number, second: number) =>
      db.postgres.inStaffTransaction(ADA, async (transaction) => {
        await transaction.query('update public.things set n = n + 1 where id = $1', [first]);
        await transaction.audit({ action: 'x.change', resource: String(first) });
        await transaction.query('select pg_sleep(0.02)');
        await transaction.query('update public.things set n = n + 1 where id = $1', [second]);
      });
    // One order of rows: with the place taken at the insert, the second would hold it while it waits for the first.
    await Promise.all([change(1, 2), change(1, 2), change(2, 2)]);
    expect((await reader.check([])).problemsTotal).toBe(0);
    await superuser.query('drop table public.things');
  });
});

describe('ChainWalk', () => {
  const rowsOf = (count: number) => {
    let hash = '00'.repeat(32);
    return Array.from({ length: count }, (_, index) => {
      const fields = [String(index), 'ada', null];
      hash = linkHash(hash, index + 1, fields);
      return { position: index + 1, hash, seq: String(index), recordSeq: String(index), fields };
    });
  };

  it('tells a null from an empty text, and where one field ends and the next begins', () => {
    const of = (...fields: (string | null)[]) => linkHash('00'.repeat(32), 1, fields);
    const hashes = [
      of('a', 'b'),
      of('ab', ''),
      of('', 'ab'),
      of('ab', null),
      of(null, 'ab'),
      of('1:a,1:b'),
      of('a,1:b'),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('counts every problem and keeps the first hundred', () => {
    const walk = new ChainWalk();
    for (const row of rowsOf(250)) walk.add({ ...row, fields: ['edited'] });
    const { problems, problemsTotal } = walk.end();
    expect([problems.length, problemsTotal]).toEqual([100, 250]);
  });
});
