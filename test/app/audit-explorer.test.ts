import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuditExplorer } from '../../src/app/audit-explorer.ts';
import { ChainWatch } from '../../src/app/audit-explorer-chain.ts';
import type { Actor, StaffActor } from '../../src/domain/actor.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { AuditLog } from '../../src/store/postgres/audit-log.ts';
import { silentLog, startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const ADA: StaffActor = { kind: 'staff', subject: 'ada', role: 'sre' };
const ACME = 'acme' as TenantId;
const OWN: Actor = { kind: 'tenant', subject: 'user-1', role: 'tenant_admin', tenantId: ACME };
const ALL = { window: { from: 0, to: Date.UTC(2100, 0) }, limit: 100 };

let db: TestPostgres;
let folder: string;
let explorer: ReturnType<typeof startAuditExplorer>;

beforeAll(async () => {
  db = await startTestPostgres();
  folder = await mkdtemp(join(tmpdir(), 'tenantry-audit-'));
  const log = new AuditLog(db.postgres);
  const after = { limit: { rps: 5 }, createdBy: 'ada', created_by: 'ada', notes: [{ liftedBy: 'bob', why: 'ada' }] };
  await log.append(
    { ...ADA, requestId: 'trail-9' },
    { action: 'throttle.create', resource: 'throttle/1', tenantId: ACME, after },
  );
  await log.append(ADA, { action: 'signal.dismiss', resource: 'signal/1', tenantId: ACME });
  await log.append(ADA, { action: 'throttle.create', resource: 'throttle/2', tenantId: 'globex' as TenantId });
  await log.append(ADA, { action: 'key.create', resource: '=cmd|x', after: { name: '@sum' } });
  await db.postgres.inStaffTransaction(ADA, (transaction) =>
    transaction.audit({ action: 'member.invite', resource: 'member/2', tenantId: ACME }, {
      ...{ kind: 'tenant', subject: 'user-1', role: 'tenant_admin', tenantId: ACME },
    } as const),
  );
  explorer = startAuditExplorer({ postgres: db.postgres, dataDir: folder, log: silentLog });
}, 60_000);
afterAll(async () => {
  await explorer.stop();
  await db.stop();
  await rm(folder, { recursive: true });
});

const found = async (actor: Actor, question: object) =>
  (await explorer.audit.page(actor, { ...ALL, ...question })).map(({ resource }) => resource);

async function fileOf(actor: Actor, format: 'csv' | 'json'): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of explorer.audit.file(actor, ALL, format)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('the audit log', () => {
  it.each([
    [{ action: 'throttle' }, ['throttle/2', 'throttle/1']],
    [{ action: 'throttle.create', tenantId: 'globex' }, ['throttle/2']],
    [{ action: 'throttl' }, []],
    [{ actor: 'user-1' }, ['member/2']],
    [{ search: 'RPS' }, ['throttle/1']],
    [{ search: '%' }, []],
    [{ search: 'TRAIL-9' }, ['throttle/1']],
    [{ limit: 2, action: 'key' }, ['=cmd|x']],
  ])('is found by %j', async (question, expected) => {
    expect(await found(ADA, question)).toEqual(expected);
  });

  it("tells a tenant's admin what concerns the tenant, its own people by name and the operator's not", async () => {
    const records = await explorer.audit.page(OWN, ALL);
    expect(records.map(({ resource, subject, role }) => [resource, subject, role])).toEqual([
      ['member/2', 'user-1', 'tenant_admin'],
      ['throttle/1', 'operator', 'operator'],
    ]);
    expect(records[1]?.after).toEqual({ limit: { rps: 5 }, notes: [{ why: 'ada' }] });
  });

  it('does not answer a tenant by what it does not show', async () => {
    expect(await found(OWN, { actor: 'ada' })).toEqual([]);
    expect(await found(OWN, { search: 'ada' })).toEqual([]);
    expect(await found(OWN, { search: 'throttle' })).toEqual(['throttle/1']);
    expect(await found(OWN, { tenantId: 'globex' })).toEqual([]);
    expect(await found(OWN, { actor: 'user-1' })).toEqual(['member/2']);
  });

  it('is saved whole, as CSV that no spreadsheet runs and as JSON', async () => {
    const csv = await fileOf(ADA, 'csv');
    const [head, ...lines] = csv.trimEnd().split('\r\n');
    expect(head).toBe('id,at,actor,role,action,tenant_id,resource,before,after,request_id');
    expect(csv).toContain(`,'=cmd|x,`);
    const items = JSON.parse(await fileOf(ADA, 'json')) as { id: string; resource: string }[];
    expect(items.length).toBe(lines.length);
    expect(items.filter(({ resource }) => resource === 'throttle/2')).toHaveLength(1);
    expect(JSON.parse(await fileOf({ ...OWN, tenantId: 'nobody' as TenantId }, 'json'))).toEqual([]);
    expect(await fileOf(OWN, 'csv')).not.toContain('ada,');
  });

  it('is checked, and the good head is kept in the data folder', async () => {
    const state = await explorer.audit.chain({ fresh: true, head: undefined });
    expect(state).toMatchObject({ state: 'intact', problemsTotal: 0 });
    expect(JSON.parse(await readFile(join(folder, 'audit-head.json'), 'utf8'))).toEqual(state.head);
    const wrong = { position: 1, hash: 'ab'.repeat(32) };
    expect(await explorer.audit.chain({ fresh: false, head: wrong })).toMatchObject({
      ...{ state: 'broken', problems: [{ kind: 'rewritten', position: 1 }] },
    });
    expect(await explorer.audit.chain({ fresh: false, head: { ...wrong, position: 999 } })).toMatchObject({
      problems: [{ kind: 'truncated' }],
    });
  });
});

describe('ChainWatch', () => {
  it('makes one check for all who ask at once, and no other while it is young', async () => {
    let checks = 0;
    let now = 0;
    const watch = new ChainWatch({
      reader: {
        length: async () => 1,
        check: async () => {
          checks += 1;
          return { entries: 1, problems: [], problemsTotal: 0, head: null };
        },
      },
      ...{ dataDir: folder, log: silentLog, now: () => now },
    });
    await Promise.all([watch.state({ fresh: false }), watch.state({ fresh: true }), watch.state({ fresh: false })]);
    expect(checks).toBe(1);
    now = 59_000;
    await watch.state({ fresh: false });
    expect(checks).toBe(1);
    now = 60_000;
    await watch.state({ fresh: false });
    expect(checks).toBe(2);
  });
});
