import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BillImportResult } from '../../src/api/bills-ports.ts';
import { BillDesk, type BillImportRequest } from '../../src/app/bills.ts';
import { CostLedger } from '../../src/app/costs.ts';
import type { AiCostReader } from '../../src/app/costs-ai.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { AllocationRule } from '../../src/domain/cost-rule.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import type { TenantUsage, UsageKey } from '../../src/domain/usage.ts';
import { DAY_MS, type Window } from '../../src/domain/window.ts';
import { BillStore } from '../../src/store/postgres/bill-store.ts';
import { CostRuleStore } from '../../src/store/postgres/cost-rule-store.ts';
import { CostShareStore } from '../../src/store/postgres/cost-share-store.ts';
import { CostStore } from '../../src/store/postgres/cost-store.ts';
import { startTestPostgres, type TestPostgres } from './postgres.ts';

export const FINANCE: StaffActor = { kind: 'staff', subject: 'fin', role: 'admin' };

/** Usage a day of each tenant; tests write into it. */
class KnownUsage {
  readonly daily = new Map<TenantId, Map<UsageKey, bigint>>();
  readonly asked: Window[] = [];

  set(tenant: string, values: Partial<Record<UsageKey, bigint>>): void {
    const entries = Object.entries(values) as [UsageKey, bigint][];
    this.daily.set(tenant as TenantId, new Map([...(this.daily.get(tenant as TenantId) ?? []), ...entries]));
  }

  async totals({ window, metrics }: { window: Window; metrics: readonly UsageKey[] }): Promise<readonly TenantUsage[]> {
    this.asked.push(window);
    const days = BigInt(Math.round((window.to - window.from) / DAY_MS));
    return [...this.daily].map(([tenantId, values]) => ({
      tenantId,
      values: new Map(
        metrics.flatMap((key) => (values.has(key) ? [[key, (values.get(key) ?? 0n) * days] as const] : [])),
      ),
    }));
  }
}

/** AI spend an hour of each tenant and provider, in pico-dollars. */
class KnownAi implements AiCostReader {
  readonly hourly: { tenantId: TenantId; provider: string; pico: bigint; unpricedCalls?: number }[] = [];

  async byTenant({ from, to }: Window) {
    const hours = BigInt(Math.round((to - from) / (DAY_MS / 24)));
    const tenants = new Set(this.hourly.map(({ tenantId }) => tenantId));
    return new Map(
      [...tenants].map((tenant) => {
        const byModel = this.hourly
          .filter(({ tenantId }) => tenantId === tenant)
          .map(({ provider, pico, unpricedCalls = 0 }) => ({
            ...{ provider, model: 'm', calls: 1, unpricedCalls, unpriced: null },
            ...{ costPico: pico * hours, costMicro: (pico * hours) / 1_000_000n },
          }));
        const costMicro = byModel.reduce((sum, model) => sum + model.costMicro, 0n);
        const unpricedCalls = byModel.reduce((sum, model) => sum + model.unpricedCalls, 0);
        return [tenant, { costMicro, unpricedCalls, byModel }] as const;
      }),
    );
  }
}

export interface TestDesk {
  readonly db: TestPostgres;
  readonly desk: BillDesk;
  readonly ledger: CostLedger;
  readonly store: CostStore;
  readonly shares: CostShareStore;
  readonly bills: BillStore;
  readonly usage: KnownUsage;
  readonly ai: KnownAi;
  /** Writes bytes to a file and imports that. */
  import(
    contents: string | Uint8Array,
    changes?: Partial<BillImportRequest> & { name?: string },
  ): Promise<BillImportResult>;
  /** Puts rules in place of those that are there. */
  rules(rules: readonly AllocationRule[]): Promise<void>;
  /** Takes all bills away. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

const PLAIN_IMPORT: BillImportRequest = {
  ...{
    measure: 'billed',
    encoding: 'auto',
    defaults: { issuer: '', account: '', invoice: '' },
    rates: {},
    into: 'USD',
  },
  ...{ split: false, allowIdentical: false, replace: false, dryRun: false },
};

/** Bills on a real, empty database, with usage that the test knows. */
export async function startDesk(): Promise<TestDesk> {
  const db = await startTestPostgres();
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-bills-'));
  const [bills, rules] = [new BillStore(db.postgres), new CostRuleStore(db.postgres)];
  const [shares, store] = [new CostShareStore(db.postgres), new CostStore(db.postgres)];
  const [usage, ai] = [new KnownUsage(), new KnownAi()];
  const desk = new BillDesk(
    { bills, rules, shares },
    { usage, ai, tenants: () => shares.tenants(FINANCE), plansAt: (at) => shares.plansAt(FINANCE, at) },
  );
  let files = 0;
  return {
    ...{ db, desk, store, shares, bills, usage, ai, ledger: new CostLedger(store, ai) },
    async import(contents, { name = 'bill.csv', ...changes } = {}) {
      files += 1;
      const path = join(folder, String(files));
      await writeFile(path, contents);
      return desk.importFile(FINANCE, { path, name }, { ...PLAIN_IMPORT, ...changes });
    },
    async rules(newRules) {
      const { version } = (await desk.rules(FINANCE)) ?? { version: 0 };
      await desk.changeRules(FINANCE, { basedOn: version, rules: newRules, comment: null });
    },
    async clear() {
      for (const { id } of await desk.list(FINANCE, { limit: 1_000, offset: 0, ended: false }))
        await desk.remove(FINANCE, id);
    },
    async stop() {
      await db.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
