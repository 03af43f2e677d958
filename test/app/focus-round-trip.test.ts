import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FOCUS_EXPORT_VERSIONS, type FocusExportVersion } from '../../src/api/bills-ports.ts';
import { startBilling } from '../../src/app/billing.ts';
import { openCsv } from '../../src/cost/bill-csv.ts';
import { decoded } from '../../src/cost/bill-encoding.ts';
import { openParquet } from '../../src/cost/bill-parquet.ts';
import { validateFocus } from '../../src/cost/focus-validate.ts';
import type { Costs } from '../../src/domain/cost.ts';
import type { AllocationRule } from '../../src/domain/cost-rule.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { TenantDirectory } from '../../src/store/postgres/tenant-directory.ts';
import { startDesk, type TestDesk } from '../support/cost-desk.ts';
import { FOCUS_ROWS, focusCsv } from '../support/cost-focus-sample.ts';

const NOVEMBER = { from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 11, 1) };
const TENANTS = ['acme', 'beta', 'cafe'] as TenantId[];
const USED = { withoutTenant: 'unallocated', idle: null } as const;

const RULES: readonly AllocationRule[] = [
  { id: 'tagged', part: null, match: {}, method: { kind: 'direct', from: { tag: 'tenant' }, tenants: {} } },
  {
    ...{ id: 'machines', part: null, match: { category: ['Compute'], chargeCategories: ['Usage', 'Purchase'] } },
    method: {
      ...{ kind: 'proportional', key: 'cpu_ns', withoutTenant: 'unallocated' },
      idle: { key: 'cpu_ns', capacity: { perHour: '1000' }, treatment: 'own_line' },
    },
  },
  {
    id: 'rest',
    part: null,
    match: { category: ['D*', 'S*', 'N*', 'AI*'] },
    method: { kind: 'proportional', key: 'requests', ...USED },
  },
  { id: 'market', part: null, match: { service: ['Marketplace'] }, method: { kind: 'shared' } },
];
/** Each row belongs to whom its account says: what an export of ours is read by. */
const BY_ACCOUNT: readonly AllocationRule[] = [
  { id: 'account', part: null, match: {}, method: { kind: 'direct', from: 'subAccount', tenants: {} } },
  // Else tax and credits of nobody would go with the charges of somebody.
  { id: 'nobodys', part: null, match: {}, method: { kind: 'shared' } },
];

let desk: TestDesk;
let before: Costs;
const files = new Map<string, Buffer>();

async function exported(version: FocusExportVersion, format: 'csv' | 'parquet'): Promise<Buffer> {
  const { costs } = startBilling({ postgres: desk.db.postgres, dataDir: '/nowhere', usage: desk.usage, ai: desk.ai });
  const pieces: Uint8Array[] = [];
  for await (const piece of costs.focus({ window: NOVEMBER, currency: undefined, version, format })) pieces.push(piece);
  return Buffer.concat(pieces);
}

const fileOf = (version: string, format: string) => files.get(`${version} ${format}`) ?? Buffer.alloc(0);

beforeAll(async () => {
  desk = await startDesk();
  await new TenantDirectory(desk.db.postgres).remember(TENANTS);
  desk.usage.set('acme', { cpu_ns: 7_000n, requests: 13n });
  desk.usage.set('beta', { cpu_ns: 5_000n, requests: 7n });
  desk.usage.set('cafe', { cpu_ns: 11n, requests: 1n });
  desk.usage.set('(unknown)', { requests: 3n });
  await desk.rules(RULES);
  await desk.import(focusCsv());
  before = await desk.ledger.costs({ window: NOVEMBER, estimates: false });
  for (const version of FOCUS_EXPORT_VERSIONS) {
    for (const format of ['csv', 'parquet'] as const)
      files.set(`${version} ${format}`, await exported(version, format));
  }
  await desk.rules(BY_ACCOUNT);
});
afterAll(() => desk.stop());

function tableOf(file: Buffer, format: 'csv' | 'parquet') {
  if (format === 'csv')
    return openCsv(
      decoded(
        (async function* () {
          yield file;
        })(),
        'auto',
      ),
    );
  return openParquet({
    byteLength: file.length,
    slice: (start, end) => new Uint8Array(file.subarray(start, end)).slice().buffer,
  });
}

describe.each(['csv', 'parquet'] as const)('a FOCUS bill, split and exported as %s', (format) => {
  it.each(FOCUS_EXPORT_VERSIONS)('is FOCUS %s by the validator', async (version) => {
    const report = await validateFocus(await tableOf(fileOf(version, format), format), version);
    expect(report).toMatchObject({ columns: [], problems: [], totalProblems: 0 });
    expect(report.rows).toBeGreaterThan(20);
  });

  it('comes to the same for everybody when it is imported again', async () => {
    expect(FOCUS_ROWS.length).toBeGreaterThan(270);
    await desk.clear();
    const { bills } = await desk.import(fileOf('1.3', format), { name: `again.${format}` });
    const after = await desk.ledger.costs({ window: NOVEMBER, estimates: false });
    expect(after.billMicro).toBe(before.billMicro);
    expect(after.residualMicro).toBe(0n);
    const totals = ({ items }: typeof before) => items.map(({ tenantId, costMicro }) => [tenantId, costMicro]);
    expect(totals(after)).toEqual(totals(before));
    // Whatever was nobody's is so again.
    expect(after.sharedMicro).toBe(before.sharedMicro + before.idleMicro + before.unallocatedMicro);
    expect([before.sharedMicro, before.idleMicro, before.unallocatedMicro].every((micro) => micro > 0n)).toBe(true);
    expect(bills[0]?.currency).toBe('USD');
    await expect(desk.import(fileOf('1.3', format))).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});
