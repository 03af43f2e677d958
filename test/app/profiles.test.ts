/** Profiles of tenants by their desk, in a real database: written, filtered, imported whole or not at all, audited. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantProfiles } from '../../src/api/profiles-ports.ts';
import { startProfiles } from '../../src/app/profiles.ts';
import { readProfileCsv } from '../../src/app/profiles-csv.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { ProfileFields } from '../../src/domain/tenant-profile.ts';
import { AuditLog } from '../../src/store/postgres/audit-log.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { startTestPostgres, type TestPostgres } from '../support/postgres.ts';

const SAM: StaffActor = { kind: 'staff', subject: 'sam', role: 'sales' };
const ALL = { offset: 0, limit: 10_000 };
const APPLY = { dryRun: false, fingerprint: undefined };
const tenant = (id: string) => id as TenantId;
const fieldsOf = (parts: Partial<ProfileFields>): ProfileFields => {
  return { segment: null, owner: null, displayName: null, tags: [], ...parts };
};

let db: TestPostgres;
let profiles: TenantProfiles;
beforeAll(async () => {
  db = await startTestPostgres();
  profiles = startProfiles(db.postgres);
});
afterAll(() => db.stop());

const idsOf = async (filter: Parameters<TenantProfiles['list']>[1]) =>
  (await profiles.list(SAM, filter, ALL)).map(({ tenantId }) => tenantId);
const audited = async (tenantId: string) =>
  (await new AuditLog(db.postgres).list(SAM, { limit: 500 })).filter(
    (entry) => entry.action === 'tenant.profile' && entry.tenantId === tenantId,
  );

describe('a profile', () => {
  it('is written, read back, and audited with what it said before', async () => {
    const first = fieldsOf({ segment: 'enterprise', owner: 'Ada', displayName: 'Acme GmbH', tags: ['eu', 'gold'] });
    expect(await profiles.put(SAM, tenant('acme'), first, 0)).toEqual({
      ...{ ...first, tenantId: 'acme', plan: null, revision: 1 },
    });
    const second = fieldsOf({ segment: 'mid', owner: 'Ada' });
    expect(await profiles.put(SAM, tenant('acme'), second, 1)).toMatchObject({ ...second, revision: 2 });
    expect(await profiles.list(SAM, { search: 'acme' }, ALL)).toEqual([
      { ...second, tenantId: 'acme', plan: null, revision: 2 },
    ]);
    const [newest, oldest] = await audited('acme');
    expect(newest).toMatchObject({ subject: 'sam', before: first, after: second });
    expect(oldest).toMatchObject({ before: fieldsOf({}), after: first });
  });

  it('said once more changes nothing and leaves no record', async () => {
    const fields = fieldsOf({ owner: 'Bo', tags: ['b'] });
    await profiles.put(SAM, tenant('again'), fields, undefined);
    expect(await profiles.put(SAM, tenant('again'), fields, 1)).toMatchObject({ revision: 1 });
    expect(await audited('again')).toHaveLength(1);
  });

  it('is not overwritten by who has seen an older one, and of many at once one wins', async () => {
    await profiles.put(SAM, tenant('raced'), fieldsOf({ owner: 'first' }), 0);
    const attempts = ['a', 'b', 'c', 'd'].map((owner) => profiles.put(SAM, tenant('raced'), fieldsOf({ owner }), 1));
    const done = await Promise.allSettled(attempts);
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of done) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'CONFLICT' });
    }
    expect(await audited('raced')).toHaveLength(2);
  });
});

describe('the list', () => {
  it('has every known tenant, and filters by segment, owner, plan and parts of id or name', async () => {
    const directory = new TenantDirectory(db.postgres);
    await directory.remember([tenant('bare')]);
    await directory.setPlan(SAM, tenant('planned'), 'gold');
    await profiles.put(
      SAM,
      tenant('planned'),
      fieldsOf({ segment: 'smb', owner: 'Cy', displayName: '100% _Under' }),
      0,
    );
    expect(await idsOf({})).toEqual(expect.arrayContaining(['bare', 'planned', 'acme']));
    expect(await idsOf({ segment: 'smb' })).toEqual(['planned']);
    expect(await idsOf({ owner: 'Cy', plan: 'gold' })).toEqual(['planned']);
    expect(await idsOf({ owner: 'Cy', plan: 'silver' })).toEqual([]);
    expect(await idsOf({ search: '_UND' })).toEqual(['planned']);
    expect(await idsOf({ search: '%' })).toEqual(['planned']);
    const [one] = await profiles.list(SAM, { search: 'bare' }, ALL);
    expect(one).toEqual({ ...fieldsOf({}), tenantId: 'bare', plan: null, revision: 0 });
  });
});

describe('an import', () => {
  it('is previewed, applied as previewed, and changes nothing when it comes again', async () => {
    await profiles.put(SAM, tenant('imp-1'), fieldsOf({ segment: 'old', owner: 'Keep', tags: ['x'] }), 0);
    const file = '\uFEFFtenant_id,segment,tags\nimp-1,new,\n"imp-2","with, comma","b; a;b"\n';
    const preview = await profiles.import(SAM, file, { dryRun: true, fingerprint: undefined });
    expect(preview).toMatchObject({ lines: 2, unchanged: 0, problems: [] });
    expect(preview.changes.map(({ tenantId, isNewTenant, after }) => [tenantId, isNewTenant, after])).toEqual([
      ['imp-1', false, fieldsOf({ segment: 'new', owner: 'Keep' })],
      ['imp-2', true, fieldsOf({ segment: 'with, comma', tags: ['a', 'b'] })],
    ]);
    expect(await idsOf({ search: 'imp-' })).toEqual(['imp-1']);
    const { fingerprint } = preview;
    await profiles.import(SAM, file, { dryRun: false, fingerprint });
    expect(await profiles.list(SAM, { search: 'imp-' }, ALL)).toMatchObject([
      { segment: 'new', owner: 'Keep', tags: [], revision: 2 },
      { segment: 'with, comma', tags: ['a', 'b'], revision: 1 },
    ]);
    expect(await audited('imp-2')).toHaveLength(1);
    expect(await profiles.import(SAM, file, APPLY)).toMatchObject({ changes: [], unchanged: 2 });
    expect(await audited('imp-2')).toHaveLength(1);
  });

  it('is refused when it would do something else than its preview said', async () => {
    const file = 'tenant_id,owner\nimp-3,Ada\n';
    const { fingerprint } = await profiles.import(SAM, file, { dryRun: true, fingerprint: undefined });
    await profiles.put(SAM, tenant('imp-3'), fieldsOf({ segment: 'meanwhile' }), undefined);
    const applied = profiles.import(SAM, file, { dryRun: false, fingerprint });
    await expect(applied).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await profiles.list(SAM, { search: 'imp-3' }, ALL)).toMatchObject([{ owner: null, segment: 'meanwhile' }]);
  });

  it('takes no line of a file with a bad one, and names it', async () => {
    const file = 'tenant_id,owner\nfine-1,Ada\n../etc,Bo\nfine-1,Cy\n';
    await expect(profiles.import(SAM, file, APPLY)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: expect.stringMatching(/line 3: tenant_id is no tenant id; line 4: the tenant stands in line 2 already/),
    });
    expect(await idsOf({ search: 'fine-' })).toEqual([]);
    const { problems } = await profiles.import(SAM, file, { dryRun: true, fingerprint: undefined });
    expect(problems.map(({ line }) => line)).toEqual([3, 4]);
  });
});

describe('a file that cannot be read', () => {
  it.each([
    ['segment\nsmb\n', 1, 'the column tenant_id is missing'],
    [
      'tenant_id,plan\na,gold\n',
      1,
      'the column "plan" is not known; there are tenant_id, segment, owner, display_name, tags',
    ],
    ['tenant_id,owner,Owner\na,b,c\n', 1, 'a column is there twice'],
    ['tenant_id\na\n', 1, 'there is no column beside tenant_id'],
    ['tenant_id,owner\n', 1, 'there is no line below the header'],
    ['', 1, 'the column tenant_id is missing'],
    ['tenant_id,owner\na,b\nc\n', 3, 'Invalid Record Length: expect 2, got 1 on line 3'],
    ['tenant_id,owner\na,"b\n', 2, 'Quote Not Closed: the parsing is finished with an opening quote at line 2'],
    ['tenant_id,owner\na,\uFFFD\n', 1, 'the file is no text in UTF-8'],
    [`tenant_id,segment\na,${'x'.repeat(65)}\n`, 2, 'segment is longer than 64 characters or has control characters'],
    ['tenant_id,owner\na,"b\u0007c"\n', 2, 'owner is longer than 128 characters or has control characters'],
    [`tenant_id,tags\na,${'t'.repeat(33)}\n`, 2, 'a tag is longer than 32 characters or has control characters'],
  ])('%j: line %i', (text, line, problem) => {
    expect(readProfileCsv(text).problems).toEqual([{ line, problem }]);
  });
});
