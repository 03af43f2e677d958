/** Events from the request to the meter's value, in the real stores. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMeter } from '../../src/aggregate/meter-reader.ts';
import { eventsOf } from '../../src/api/events-parse.ts';
import { METER_AGGREGATIONS, type MeterDefinition } from '../../src/domain/meter.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/window.ts';
import { type PlainEvent, recomputed } from '../support/meter-oracle.ts';
import { cloudEvent, METER_NOW, type MeterWorld, startMeterWorld } from '../support/meter-world.ts';

const WINDOW = { from: METER_NOW - 30 * DAY_MS, to: METER_NOW + MINUTE_MS };

let world: MeterWorld;
beforeAll(async () => {
  world = await startMeterWorld();
}, 60_000);
afterAll(() => world.stop());

function meter(changes: Partial<MeterDefinition> = {}): MeterDefinition {
  return {
    slug: 'tokens',
    eventType: 'prompt',
    aggregation: 'sum',
    valuePath: '$.tokens',
    groupBy: { model: '$.model' },
    unit: 'tokens',
    description: '',
    ...changes,
  };
}

async function total(eventType: string, changes: Partial<MeterDefinition> = {}) {
  const [row] = await readMeter(world.store.clickhouse, {
    meter: meter({ eventType, ...changes }),
    window: WINDOW,
    byTenant: false,
    groupBy: [],
  });
  return row?.value;
}

const units = (n: number) => BigInt(n) * 1_000_000_000n;

describe('an event', () => {
  it('counts once when 100 senders on two servers send it at the same time', async () => {
    const other = world.newIntake();
    const batch = Array.from({ length: 20 }, (_, index) => cloudEvent({ type: 'storm', id: `s-${index}` }));
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, sender) => world.send(batch, sender % 3 === 0 ? other : world.intake)),
    );
    expect(answers.reduce((sum, { accepted }) => sum + accepted, 0)).toBe(20);
    expect(answers.reduce((sum, { repeated }) => sum + repeated, 0)).toBe(1_980);
    await world.load();
    expect(await total('storm')).toBe(units(100));
    expect(await total('storm', { aggregation: 'count', valuePath: null })).toBe(units(20));
  });

  it('comes in any order at once: senders do not wait for each other for ever', async () => {
    const other = world.newIntake();
    for (let round = 0; round < 5; round += 1) {
      const batch = Array.from({ length: 1_000 }, (_, index) =>
        cloudEvent({ type: 'orders', id: `o-${round}-${index}` }),
      );
      const answers = await Promise.all([world.send(batch), world.send(batch.toReversed(), other)]);
      expect(answers.map(({ accepted }) => accepted).toSorted((a, b) => a - b)).toEqual([0, 1_000]);
    }
    await world.load();
  });

  it('counts once when its answer was lost and it comes again, before it was loaded or after, also after a restart', async () => {
    const event = cloudEvent({ type: 'again' });
    expect(await world.send(event)).toEqual({ accepted: 1, repeated: 0, conflicting: 0 });
    expect(await world.send(event)).toEqual({ accepted: 0, repeated: 1, conflicting: 0 });
    await world.load();
    expect(await world.send(event, world.newIntake())).toEqual({ accepted: 0, repeated: 1, conflicting: 0 });
    await world.load();
    expect(await total('again')).toBe(units(5));
  });

  it('counts as it came first, when the same source and id come with other content; twice in one request, too', async () => {
    const first = cloudEvent({ type: 'conflict' });
    const changed = cloudEvent({ type: 'conflict', data: { tokens: 7_000 } });
    expect(await world.send([first, changed])).toEqual({ accepted: 1, repeated: 0, conflicting: 1 });
    expect(await world.send([changed, first])).toEqual({ accepted: 0, repeated: 1, conflicting: 1 });
    await world.load();
    expect(await total('conflict')).toBe(units(5));
  });

  it('is known within its tenant: nobody can keep another tenant from being counted', async () => {
    const ofBoth = [cloudEvent({ type: 'own' }), cloudEvent({ type: 'own', subject: 'globex' })];
    expect((await world.send(ofBoth)).accepted).toBe(2);
    await world.load();
    expect(await total('own')).toBe(units(10));
  });

  it('counts once when the server dies between the insert and the note of it, whatever comes meanwhile', async () => {
    await world.send(cloudEvent({ type: 'crash', id: 'c-1' }));
    const dying = world.newLoader(async (insert) => {
      await world.store.clickhouse.insertRows(insert);
      throw new Error('killed');
    });
    await dying.tick();
    expect(dying.figures()).toMatchObject({ waitingEvents: 1, loadedEvents: 0 });
    await world.send(cloudEvent({ type: 'crash', id: 'c-2' }));
    await world.load();
    expect(await total('crash')).toBe(units(10));
    expect(await world.queue.backlog()).toEqual({ events: 0, oldestAt: null });
    const [row] = await world.store.clickhouse.inspect<{ n: number }>(
      "SELECT toUInt32(count()) AS n FROM tenantry.usage_events WHERE Type = 'crash'",
    );
    expect(row?.n).toBe(2);
  });

  it('waits while ClickHouse is away, and is refused only when far too many wait', async () => {
    await world.send(cloudEvent({ type: 'away' }));
    const cut = world.newLoader(async () => {
      throw new Error('no connection');
    });
    await cut.tick();
    expect(cut.figures()).toMatchObject({ waitingEvents: 1, oldestWaitingMs: 0 });
    world.intake.noteBacklog(6_000_000);
    await expect(world.send(cloudEvent({ type: 'away', id: 'x' }))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    world.intake.noteBacklog(0);
    await world.load();
    expect(await total('away')).toBe(units(5));
  });

  it('leaves nothing behind when one of its request cannot be kept', async () => {
    const good = cloudEvent({ type: 'atomic', id: 'a-1' });
    await expect(world.send([good, cloudEvent({ type: 'atomic', id: '' })])).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
    expect((await world.send(good)).accepted).toBe(1);
  });

  it('is forgotten only when none with its time could be accepted any more', async () => {
    await world.send(cloudEvent({ type: 'old' }));
    await world.intake.forget(METER_NOW + 36 * DAY_MS);
    expect((await world.send(cloudEvent({ type: 'old' }))).accepted).toBe(0);
    await world.intake.forget(METER_NOW + 38 * DAY_MS);
    expect((await world.send(cloudEvent({ type: 'old' }))).accepted).toBe(1);
    await world.load();
  });

  it('keeps every digit', async () => {
    const text =
      '[{"specversion":"1.0","id":"d-1","source":"s","type":"digits","subject":"acme","data":{"tokens":12345678901234567.123456789}}]';
    const actor = { kind: 'key', subject: 'k', scopes: ['ingest'], tenantId: undefined } as const;
    const bounds = { now: METER_NOW, acceptPastMs: DAY_MS, acceptFutureMs: 0 };
    await world.intake.take(eventsOf(text, 'application/json', actor, bounds), 'k', METER_NOW);
    await world.send(cloudEvent({ type: 'digits', id: 'd-2', data: { tokens: '0.000000001' } }));
    await world.load();
    expect(await total('digits')).toBe(12_345_678_901_234_567_123_456_790n);
  });
});

const plainEvent = fc.record({
  tenant: fc.constantFrom('acme', 'globex', 'initech'),
  id: fc.uuid(),
  at: fc.integer({ min: WINDOW.from / 1_000, max: METER_NOW / 1_000 }).map((seconds) => seconds * 1_000),
  amount: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.nat(999)).map(([a, b]) => `${a}.${b}`),
    },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  model: fc.constantFrom('small', 'large', "it's"),
});

describe('each aggregation', () => {
  it('equals an independent recomputation, by step, tenant and group, in whatever order events came', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(plainEvent, { selector: ({ id }) => id, minLength: 1, maxLength: 60 }),
        async (events) => {
          run += 1;
          const type = `random-${run}`;
          const sent = events.map(({ tenant, id, at, amount, model }) =>
            cloudEvent({
              type,
              id,
              subject: tenant,
              time: new Date(at).toISOString(),
              data: { model, ...(amount === null ? {} : { tokens: run % 2 === 0 ? amount : Number(amount) }) },
            }),
          );
          const middle = Math.floor(sent.length / 2);
          for (const part of [sent.slice(middle), sent.slice(0, middle), sent]) {
            await world.send(part);
            await world.load();
          }
          for (const aggregation of METER_AGGREGATIONS) await compare(type, aggregation, events);
        },
      ),
      { numRuns: 4 },
    );
  });

  async function compare(type: string, aggregation: MeterDefinition['aggregation'], events: readonly PlainEvent[]) {
    const defined = meter({
      eventType: type,
      aggregation,
      valuePath: aggregation === 'count' ? null : aggregation === 'unique_count' ? '$.model' : '$.tokens',
    });
    for (const [step, size] of [
      ['hour', HOUR_MS],
      ['day', DAY_MS],
      [undefined, undefined],
    ] as const) {
      for (const groupBy of [[], ['model']]) {
        const answer = await readMeter(world.store.clickhouse, {
          meter: defined,
          window: WINDOW,
          step,
          byTenant: true,
          groupBy,
        });
        const keyOf = ({ tenant, at, model }: PlainEvent) =>
          JSON.stringify([
            size === undefined ? WINDOW.from : Math.max(Math.floor(at / size) * size, WINDOW.from),
            tenant,
            groupBy.length > 0 ? model : '',
          ]);
        const expected = new Map<string, PlainEvent[]>();
        for (const event of events) expected.set(keyOf(event), [...(expected.get(keyOf(event)) ?? []), event]);
        const found = new Map(
          answer.map(({ window, tenantId, group, value }) => [
            JSON.stringify([window.from, tenantId, group['model'] ?? '']),
            value,
          ]),
        );
        expect([...found.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
        for (const [key, own] of expected)
          expect([aggregation, step, key, found.get(key)]).toEqual([
            aggregation,
            step,
            key,
            recomputed(aggregation, own),
          ]);
      }
    }
  }
});
