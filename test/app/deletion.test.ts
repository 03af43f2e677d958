import { afterAll, beforeAll, expect, it } from 'vitest';
import { isSignedBy } from '../../src/app/deletion-key.ts';
import type { CertificateBody } from '../../src/domain/deletion-certificate.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { AuditChainReader } from '../../src/store/postgres/audit-chain.ts';
import {
  ADMIN,
  controlPlaneFigures,
  type DeletionWorld,
  deletionWorld,
  dueRequest,
  fillTelemetry,
  KEY,
  telemetryFigures,
  without,
} from '../support/deletion-world.ts';
import { startTestClickHouse, type TestClickHouse } from '../support/embedded-clickhouse.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const TENANTS = 1_000;
const VICTIM = 'tenant-0007' as TenantId;
const PSEUDONYM = KEY.pseudonym(VICTIM);

let postgres: TestPostgres;
let clickhouse: TestClickHouse;
let world: DeletionWorld;

/** Rows of 1,000 tenants, and rows of others and of nobody that name the one that goes. */
async function fillControlPlane({ owner }: DeletionWorld): Promise<void> {
  const each = (sql: string) =>
    owner.query(
      sql.replaceAll(
        '{t}',
        `(select 'tenant-' || lpad(n::text, 4, '0') as id, n from generate_series(0, ${TENANTS - 1}) n) t`,
      ),
    );
  await each(`insert into tenantry.tenants (tenant_id, display_name) select id, 'Name ' || n from {t}`);
  await each(`insert into tenantry.keys (name, sha256, scopes, tenant_id, created_by)
              select 'k', encode(sha256(id::bytea), 'hex'), '{ingest}', id, 'ada' from {t}`);
  await each(`insert into tenantry.members (tenant_id, email, role, state, added_by, added_by_operator)
              select id, 'ada@' || id || '.example', 'viewer', 'active', 'ada', true from {t}`);
  await each(`insert into tenantry.anomalies (tenant_id, metric, started_at, detected_at, value, baseline, ratio, rule, reason)
              select id, 'requests', now(), now(), n, 1, 2, 'r', case when n = 8 then '${VICTIM} hurts it.' else 'n' end from {t}`);
  await each(`insert into tenantry.burst_accounts (tenant_id, key) select id, 'requests' from {t}`);
  await each(`insert into tenantry.burst_lots (tenant_id, key, period, period_start, period_end, quota, used, earned, remaining, expires_at)
              select id, 'requests', 'day', '2026-01-01Z', '2026-01-02Z', 100, 50, 5, 5, '2026-02-01Z' from {t}`);
  await each(`insert into tenantry.burst_entries (tenant_id, key, period, period_start, at, kind, debit, credit, amount, reference, reason, booked_by)
              select id, 'requests', 'day', '2026-01-01Z', now(), 'earned', 'allowance', 'balance', 5, 'r', 'r', 'ada' from {t}`);
  await owner.query(`insert into tenantry.decision_inputs (id, at, policy, situation, decision)
    values ('00000000-0000-4000-8000-000000000001', now(), 'p', '{"tenants": {"${VICTIM}": 1.50, "tenant-0008": 2}, "n": 12345678901234567890, "suspects": ["${VICTIM}"]}', '{}')`);
  await each(`insert into tenantry.decisions (tenant_id, at, kind, held_back_by, explanation, input_id)
              select id, now(), 'alert', '{}', 'x', '00000000-0000-4000-8000-000000000001' from {t}`);
  await owner.query(`insert into tenantry.ai_months (month, closed_by, book_version) values ('2026-10-01', 'ada', 1)`);
  await each(`insert into tenantry.ai_month_lines (tenant_id, month, provider, model, calls, unpriced_calls, cost_pico)
              select id, '2026-10-01', 'openai', 'gpt', n, 0, n * 7 from {t}`);
  await each(`insert into tenantry.audit_log (subject, role, tenant_id, action, resource, before, after, request_id)
              select 'ada@' || id || '.example', 'tenant_admin', id, 'member.add', 'member/' || id, null, jsonb_build_object('email', 'ada@' || id || '.example'), 'req'
              from {t} where n < 20`);
  await owner.query(`insert into tenantry.audit_log (subject, role, action, resource, after)
    values ('ada', 'admin', 'profiles.import', 'profiles', '{"tenants": ["${VICTIM}", "tenant-0008"]}')`);
}

beforeAll(async () => {
  [postgres, clickhouse] = await Promise.all([startTestPostgres(), startTestClickHouse()]);
  world = await deletionWorld(postgres, clickhouse);
  await fillControlPlane(world);
  await fillTelemetry(clickhouse, TENANTS, 2);
}, 60_000);

afterAll(async () => {
  await world.close();
  await Promise.all([postgres.stop(), clickhouse.stop()]);
});

it('deletes one tenant of 1,000: nothing of it is left, nobody else has changed, and the certificate says so', async () => {
  const before = { telemetry: await telemetryFigures(clickhouse), control: await controlPlaneFigures(world.owner) };
  expect([...before.telemetry.keys()].filter((place) => place.endsWith(` ${VICTIM}`)).length).toBeGreaterThan(20);
  const ledger = `select sum(cost_pico)::text as sum, count(*)::int as rows from tenantry.ai_month_lines`;
  const sums = (await world.owner.query(ledger)).rows;

  const request = await dueRequest(world, VICTIM);
  const standing = await world.owner.query(`select status from tenantry.tenants where tenant_id = $1`, [VICTIM]);
  expect(standing.rows).toEqual([{ status: 'closed' }]);
  await expect.poll(() => world.jobs.due(Date.now(), true)).toMatchObject([{ tenantId: VICTIM, begun: false }]);
  await world.jobs.begin(ADMIN, request, 'begin', Date.now());
  const done = await world.runner().run(request);
  expect(await world.jobs.find(request)).toBeUndefined();
  expect(done).toBe(true);

  const after = { telemetry: await telemetryFigures(clickhouse), control: await controlPlaneFigures(world.owner) };
  expect(after.telemetry).toEqual(without(before.telemetry, VICTIM));
  // One row of another tenant named it in a sentence, which is the one thing of others that has changed.
  const same = (figures: ReadonlyMap<string, string>) =>
    new Map([...without(without(figures, VICTIM), PSEUDONYM)].filter(([place]) => place !== 'anomalies tenant-0008'));
  expect(same(after.control)).toEqual(same(before.control));
  const { rows: sentence } = await world.owner.query(
    `select reason from tenantry.anomalies where tenant_id = 'tenant-0008'`,
  );
  expect(sentence).toEqual([{ reason: '(deleted) hurts it.' }]);
  expect((await world.owner.query(ledger)).rows).toEqual(sums);
  const { rows: inputs } = await world.owner.query<{ situation: string }>(
    'select situation::text from tenantry.decision_inputs',
  );
  expect(inputs[0]?.situation).toBe(
    `{"n": 12345678901234567890, "tenants": {"tenant-0008": 2, "${PSEUDONYM}": 1.50}, "suspects": ["${PSEUDONYM}"]}`,
  );

  const { rows: everywhere } = await world.owner.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'tenantry'`,
  );
  for (const { name } of everywhere) {
    const { rows } = await world.owner.query(`select t::text from tenantry.${name} t where strpos(t::text, $1) > 0`, [
      VICTIM,
    ]);
    expect(rows, name).toEqual([]);
  }

  const [certificate] = await world.certificates.list(ADMIN, 10);
  const body = certificate?.body as CertificateBody;
  expect(isSignedBy(KEY.publicKey, certificate?.text ?? '', certificate?.signature ?? '')).toBe(true);
  expect(isSignedBy(KEY.publicKey, `${certificate?.text} `, certificate?.signature ?? '')).toBe(false);
  expect(body).toMatchObject({
    certificate_id: request.requestId,
    pseudonym: PSEUDONYM,
    requested_by: 'operator',
    legal_basis: 'Art. 17 GDPR',
  });
  expect(certificate?.text).not.toContain(VICTIM);
  const rowsOf = (place: string) => body.deleted.find((row) => row.place === place)?.rows;
  expect([rowsOf('clickhouse.spans'), rowsOf('postgres.members'), rowsOf('postgres.tenants')]).toEqual([2, 1, 1]);
  expect(body.kept_under_pseudonym).toEqual([{ place: 'postgres.ai_month_lines', rows: 1 }]);
  expect(body.proofs.every(({ result }) => result === 0)).toBe(true);
  expect(body.proofs.length).toBeGreaterThan(80);
  expect(await world.certificates.auditOf(certificate as NonNullable<typeof certificate>)).toEqual({
    chained: true,
    asLeft: true,
  });
});

it('leaves a chain that is whole, and shows who changes what a deletion has left', async () => {
  const chain = new AuditChainReader(postgres.postgres);
  const whole = await chain.check([]);
  expect(whole).toMatchObject({ problemsTotal: 0 });
  const { rows } = await world.owner.query(
    `select subject, tenant_id, resource, before, after, request_id from tenantry.audit_log where action = 'member.add' and tenant_id = $1`,
    [PSEUDONYM],
  );
  expect(rows).toEqual([
    { subject: 'erased', tenant_id: PSEUDONYM, resource: 'member/erased', before: null, after: null, request_id: null },
  ]);
  const undo = async (change: string) => {
    await world.owner.query('begin');
    try {
      await world.owner.query('alter table tenantry.audit_log disable trigger audit_log_append_only');
      await world.owner.query(change);
      // A chain of its own over the same connection, as what is not committed is seen by nobody else.
      await world.owner.query('alter table tenantry.audit_log enable trigger audit_log_append_only');
      await world.owner.query('commit');
      return (await chain.check([])).problemsTotal;
    } catch (error) {
      await world.owner.query('rollback');
      throw error;
    }
  };
  // A record that was left by the deletion is edited; then put back.
  expect(
    await undo(
      `update tenantry.audit_log set resource = 'member/other' where action = 'member.add' and tenant_id = '${PSEUDONYM}'`,
    ),
  ).toBeGreaterThan(0);
  expect(
    await undo(
      `update tenantry.audit_log set resource = 'member/erased' where action = 'member.add' and tenant_id = '${PSEUDONYM}'`,
    ),
  ).toBe(0);
  // Another record is rewritten in the name of the same deletion.
  const other = `(select c.position from tenantry.audit_chain c join tenantry.audit_log l using (seq) where l.action = 'member.add' and l.tenant_id = 'tenant-0003')`;
  const forged = await undo(
    `with record as (update tenantry.audit_log l set subject = 'erased' where action = 'member.add' and tenant_id = 'tenant-0003'
       returning sha256(convert_to((select string_agg(coalesce(octet_length(f) || ':' || f, '-') || ',', '' order by n)
         from unnest(array[l.seq::text, to_char(l.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), l.subject, l.role, l.tenant_id,
           l.action, l.resource, l.before::text, l.after::text, l.request_id]) with ordinality u (f, n)), 'UTF8')) as digest)
     insert into tenantry.audit_erasures (position, certificate_id, digest)
     select ${other}, (select certificate_id from tenantry.deletion_certificates), digest from record`,
  );
  expect(forged).toBeGreaterThan(0);
});
