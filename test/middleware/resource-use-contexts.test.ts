/** Whose time it is: contexts followed through everything by which work goes on later, with a clock that only work moves. */
import { AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OTHER_TENANTS, UNATTRIBUTED_TENANT } from '../../src/domain/tenant-id.ts';
import { runAsTenant } from '../../src/middleware/index.ts';
import { watchContexts } from '../../src/middleware/resource-use/context-switches.ts';
import { LoopLedger } from '../../src/middleware/resource-use/loop-ledger.ts';
import { startTestTracing, type TestTracing } from '../support/middleware-tracing.ts';

let tracing: TestTracing;
beforeAll(() => {
  tracing = startTestTracing({ http: false });
});
afterAll(() => tracing.stop());

let clock = 0;
let counted: string[] = [];
let ledger: LoopLedger;
let stop: (() => void) | undefined;

function watch(maxTenants = 10_000): void {
  ledger = new LoopLedger(
    () => clock,
    maxTenants,
    () => counted.push('overflow'),
  );
  stop = watchContexts(ledger, (name) => counted.push(name));
}
beforeEach(() => {
  clock = 0;
  counted = [];
  watch();
});
afterEach(() => {
  stop?.();
  expect(counted.filter((name) => name !== 'overflow')).toEqual([]);
});

const work = (ms: number) => {
  clock += ms;
};
const taken = () =>
  Object.fromEntries([...ledger.take()].map(([id, { loopMs }]) => [id, loopMs] as const).filter(([, ms]) => ms > 0));

/** Everything by which a callback comes later; each does `ms` of work seven times over. */
async function allWays(ms: number): Promise<void> {
  work(ms);
  await null;
  work(ms);
  await sleep(1);
  work(ms);
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      work(ms);
      resolve();
    });
  });
  await new Promise<void>((resolve) => {
    process.nextTick(() => {
      work(ms);
      queueMicrotask(() => {
        work(ms);
        resolve();
      });
    });
  });
  await Promise.resolve().then(() => work(ms));
}

describe('the ledger of the event loop', () => {
  it('charges two hundred tenants, all interleaved, to the millisecond', async () => {
    const tenants = Array.from({ length: 200 }, (_, i) => ({ tenantId: `tenant-${i}`, ms: i + 1 }));
    await Promise.all(tenants.map(({ tenantId, ms }) => runAsTenant(tenantId, () => allWays(ms))));
    expect(taken()).toEqual(Object.fromEntries(tenants.map(({ tenantId, ms }) => [tenantId, ms * 7])));
  });

  it('charges work without a tenant to nobody, and a tenant inside another to the inner one', async () => {
    await allWays(3);
    runAsTenant('outer', () => {
      work(10);
      runAsTenant('inner', () => work(100));
      work(1_000);
      context.with(ROOT_CONTEXT, () => work(5));
      work(10_000);
    });
    expect(taken()).toEqual({ outer: 11_010, inner: 100, [UNATTRIBUTED_TENANT]: 26 });
  });

  it('goes back to the outer tenant when inner work throws or is called out of another callback', () => {
    const resource = runAsTenant('other', () => new AsyncResource('pooled'));
    const emitter = new EventEmitter();
    runAsTenant('listener', () =>
      emitter.on(
        'data',
        context.bind(context.active(), () => work(100)),
      ),
    );
    runAsTenant('outer', () => {
      expect(() =>
        runAsTenant('failing', () => {
          work(10);
          throw new Error('the inner work failed');
        }),
      ).toThrow('the inner work failed');
      work(1);
      resource.runInAsyncScope(() => work(7));
      work(1);
      emitter.emit('data');
      work(1);
    });
    expect(taken()).toEqual({ outer: 3, failing: 10, other: 7, listener: 100 });
  });

  it('keeps no time between callbacks', async () => {
    let entered: () => void = () => undefined;
    const done = runAsTenant('waiting', async () => {
      work(5);
      await new Promise<void>((resolve) => {
        entered = resolve;
      });
      work(5);
    });
    // As if the loop had slept: nobody's callback runs while the clock moves.
    const slept = new Promise<void>((resolve) => {
      setTimeout(() => {
        stop?.();
        work(1_000);
        stop = watchContexts(ledger, (name) => counted.push(name));
        entered();
        resolve();
      }, 1);
    });
    await Promise.all([done, slept]);
    expect(taken()).toMatchObject({ waiting: 10 });
  });

  it('hands work that is under way on to the next interval', () => {
    runAsTenant('acme', () => {
      work(5);
      expect(taken()).toEqual({ acme: 5 });
      work(7);
    });
    expect(taken()).toEqual({ acme: 7 });
    expect(taken()).toEqual({});
  });

  it('tells no more tenants apart than it may, and loses no time', () => {
    stop?.();
    watch(3);
    for (let i = 0; i < 10; i += 1) runAsTenant(`tenant-${i}`, () => work(1));
    const told = taken();
    expect(Object.keys(told).length).toBeLessThanOrEqual(4);
    expect(Object.values(told).reduce((sum, ms) => sum + ms, 0)).toBe(10);
    expect(told[OTHER_TENANTS]).toBeGreaterThanOrEqual(7);
    expect(counted).toContain('overflow');
  });
});

describe('watching contexts', () => {
  it('counts a listener that fails, and neither the callback nor the process notices', async () => {
    stop?.();
    const failures: string[] = [];
    const end = watchContexts(
      {
        context: undefined,
        switchTo: () => {
          throw new Error('broken');
        },
      },
      (name) => failures.push(name),
    );
    const result = await runAsTenant('acme', async () => {
      await sleep(1);
      return 'done';
    });
    end?.();
    expect(result).toBe('done');
    expect(new Set(failures)).toEqual(new Set(['resource_use_failed']));
  });

  it('hands arguments, this and the result through, and gives the manager its method back', () => {
    const seen = context.with(
      ROOT_CONTEXT,
      function sum(this: { base: number }, ...numbers: number[]) {
        return numbers.reduce((total, number) => total + number, this.base);
      },
      { base: 100 },
      1,
      2,
    );
    expect(seen).toBe(103);
    stop?.();
    stop = undefined;
    runAsTenant('acme', () => work(1));
    expect(taken()).not.toHaveProperty('acme');
  });

  it('knows no tenants where no context manager is registered', () => {
    stop?.();
    stop = undefined;
    const registry = (globalThis as Record<symbol, unknown>)[Symbol.for('opentelemetry.js.api.1')] as {
      context?: unknown;
    };
    const { context: manager } = registry;
    delete registry.context;
    try {
      expect(watchContexts(ledger, () => undefined)).toBeUndefined();
    } finally {
      registry.context = manager;
    }
  });
});
