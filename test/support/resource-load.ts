/** Work for tenants in amounts that are known before anything measures it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { runAsTenant } from '../../src/middleware/index.ts';

/** One unit of work: the same arithmetic every time, some tens of microseconds. */
export function work(units: number): number {
  let x = 1;
  for (let i = 0; i < units * 10_000; i += 1) x = Math.sqrt(x + i);
  return x;
}

export interface TenantLoad {
  readonly tenantId: string;
  /** Units of work in each turn, done in several pieces around awaits and timers. */
  readonly units: number;
}

/** Units of work of each tenant, by id. */
export type UnitsDone = ReadonlyMap<string, number>;

/** One turn: work after `await`, after a timer, after `setImmediate` and in a `then`, a fifth of the units each. */
async function turn(units: number, pauseMs: number): Promise<void> {
  const piece = units / 5;
  work(piece);
  await null;
  work(piece);
  await sleep(pauseMs);
  work(piece);
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      work(piece);
      resolve();
    });
  });
  await Promise.resolve().then(() => work(piece));
}

/** Lets all tenants work at once, their turns interleaved, until each has done `turns`. */
export async function runLoads(loads: readonly TenantLoad[], turns: number, pauseMs: number): Promise<UnitsDone> {
  await Promise.all(
    loads.map(({ tenantId, units }) =>
      runAsTenant(tenantId, async () => {
        for (let i = 0; i < turns; i += 1) await turn(units, pauseMs);
      }),
    ),
  );
  return new Map(loads.map(({ tenantId, units }) => [tenantId, units * turns]));
}

/** Each one's part of the whole, by id. */
export function sharesOf(amounts: ReadonlyMap<string, number>): Map<string, number> {
  const total = [...amounts.values()].reduce((sum, amount) => sum + amount, 0);
  return new Map([...amounts].map(([id, amount]) => [id, amount / total]));
}
