import type { RevenueImported } from '../../src/api/revenue-ports.ts';
import { startRevenue } from '../../src/app/revenue.ts';
import type { StaffActor } from '../../src/domain/actor.ts';
import type { CostDays, CostQuestion, Costs } from '../../src/domain/cost.ts';
import type { TenantId } from '../../src/domain/tenant-id.ts';
import { DAY_MS, type Window } from '../../src/domain/window.ts';
import { AuditLog } from '../../src/store/postgres/audit-log.ts';
import { startTestClickHouse } from './embedded-clickhouse.ts';
import { startTestPostgres } from './postgres.ts';

export const ANN: StaffActor = { kind: 'staff', subject: 'ann', role: 'sales' };
/** Midnight of a day, Unix ms. */
export const dayAt = (text: string) => Date.parse(`${text}T00:00:00Z`);

/** A ledger in which every day costs each tenant the same. */
class EvenLedger {
  costOf = new Map<string, bigint>();
  readonly questions: CostQuestion[] = [];

  async costs(question: CostQuestion): Promise<Costs> {
    this.questions.push(question);
    const days = BigInt(Math.round((question.window.to - question.window.from) / DAY_MS));
    const items = [...this.costOf].flatMap(([tenant, micro]) => {
      const tenantId = tenant as TenantId;
      if (question.tenants !== undefined && !question.tenants.includes(tenantId)) return [];
      return [{ tenantId, costMicro: micro * days, parts: new Map(), estimatedMicro: 0n, unpricedCalls: 0 }];
    });
    const billMicro = items.reduce((sum, { costMicro }) => sum + costMicro, 0n);
    const nobodys = { sharedMicro: 0n, idleMicro: 0n, unallocatedMicro: 0n, estimatedMicro: 0n, residualMicro: 0n };
    return { currency: 'USD', window: question.window, billMicro, items, ...nobodys, otherCurrencies: [] };
  }

  async days(question: CostQuestion): Promise<CostDays> {
    const { from, to } = question.window;
    const days: { day: number; amountMicro: bigint }[] = [];
    for (let day = from; day < to; day += DAY_MS) {
      const { billMicro } = await this.costs({ ...question, window: { from: day, to: day + DAY_MS } });
      days.push({ day, amountMicro: billMicro });
    }
    return { currency: 'USD', days };
  }
}

/** Revenue over the real stores, beside costs that tests set. */
export async function startRevenueWorld() {
  const [db, store] = await Promise.all([startTestPostgres(), startTestClickHouse()]);
  const ledger = new EvenLedger();
  const parts = startRevenue({ postgres: db.postgres, clickhouse: store.clickhouse, costs: ledger });
  return {
    ...parts,
    store,
    ledger,
    /** Imports a file that tells of the midnight of a day. */
    send: (content: string, asOf: string): Promise<RevenueImported & { readonly unmapped: number }> =>
      parts.revenue.import(ANN, { fileName: 'export', content, asOf: dayAt(asOf), coupons: new Map() }),
    tenantOf: async (tenant: string, window: Window) =>
      (await parts.reader.revenue({ window })).filter(({ tenantId }) => tenantId === tenant),
    audited: async (action: string) =>
      (await new AuditLog(db.postgres).list(ANN, { limit: 200 })).filter((entry) => entry.action === action),
    stop: async () => {
      await db.stop();
      await store.stop();
    },
  };
}

export type RevenueWorld = Awaited<ReturnType<typeof startRevenueWorld>>;
