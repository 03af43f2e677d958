import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rollupsThatDiffer } from '../../support/clickhouse-recount.ts';
import { LATE_TENANT_VIEWS } from '../../support/embedded-clickhouse.ts';
import { LateTenantWorld, newTrace, WAIT_MS } from '../../support/late-tenant-world.ts';

/** Longer than a span waits, with the closing of its batch and the settling of the queue. */
const LONG_MS = WAIT_MS + 10_000;

let world: LateTenantWorld;

beforeAll(async () => {
  world = await LateTenantWorld.start();
});
afterAll(async () => {
  const differences = await rollupsThatDiffer(world.store.clickhouse, LATE_TENANT_VIEWS);
  const left = [await world.rowsIn('spans_waiting'), await world.rowsIn('adopting_traces')];
  await world.store.stop();
  expect(differences).toEqual([]);
  expect(left).toEqual([0, 0]);
});

describe('a span without a tenant', () => {
  /** Traces by the name of the span that has no tenant. */
  const traces = new Map<string, Buffer>();
  const trace = (name: string) => {
    const known = traces.get(name) ?? newTrace();
    traces.set(name, known);
    return known;
  };
  const nameless = (...names: string[]) => names.map((name) => ({ name, trace: trace(name) }));
  const named = (name: string, tenant: string, start?: number) => ({
    ...{ name: `${name}-named`, trace: trace(name), tenant },
    ...(start === undefined ? {} : { start }),
  });
  const ending = (byte: number) => Buffer.concat([trace('zeros').subarray(0, 14), Buffer.of(byte, 0)]);

  beforeAll(async () => {
    const yesterday = world.time - 30 * 3_600_000;
    await world.load([named('before', 'acme')]);
    await world.pass(5_000);
    await world.load([
      ...nameless('before', 'beside', 'after', 'too-late', 'alone', 'torn', 'malformed', 'reserved', 'aside'),
      ...[named('beside', 'acme'), named('torn', 'acme'), named('torn', 'globex'), named('reserved', '(other)')],
      ...[named('malformed', '../etc'), named('aside', 'acme', world.time - 90 * 86_400_000)],
      { name: 'zeros', trace: ending(0) },
      { name: 'zeros-other', trace: ending(7) },
      { name: 'zeros-named', trace: ending(0), tenant: 'acme' },
      { name: 'old', trace: trace('old'), start: yesterday },
      named('old', 'acme', yesterday + 60_000),
    ]);
    await world.load([{ name: 'bound', trace: trace('bound') }], { keyTenant: 'initech' });
    await world.load(nameless('beside-bound').map((span) => ({ ...span, trace: trace('bound') })));
    expect(await world.stored('before')).toEqual([]);
    expect(await world.stored('bound')).toEqual(['initech']);
    await world.pass(WAIT_MS - 1_000);
    await world.load([named('after', 'globex')]);
    await world.pass(LONG_MS);
    await world.load([named('too-late', 'acme')]);
    await world.pass(LONG_MS);
    expect(world.late.figures().trouble).toBeUndefined();
  });

  it.each([
    ['it was there before', 'before', 'acme'],
    ['it comes in the same segment', 'beside', 'acme'],
    ['it arrives within the wait', 'after', 'globex'],
    ['a key that is bound to a tenant said so', 'beside-bound', 'initech'],
    ['its id ends in zeros', 'zeros', 'acme'],
    ['both are of yesterday', 'old', 'acme'],
  ])('takes that of its trace when %s', async (_when, name, tenant) => {
    expect(await world.stored(name)).toEqual([`${tenant} adopted`]);
  });

  it.each([
    ['nobody names one', 'alone'],
    ['it comes too late', 'too-late'],
    ['two are named', 'torn'],
    ['what is named is no tenant’s id', 'malformed'],
    ['what is named stands for more than a tenant', 'reserved'],
    ['the span that names one was set aside', 'aside'],
    ['another trace begins with the same bytes', 'zeros-other'],
  ])('stays without one when %s', async (_when, name) => {
    expect(await world.stored(name)).toEqual(['(unknown)']);
  });

  it('leaves those alone that have one', async () => {
    expect(await world.stored('before-named')).toEqual(['acme']);
    expect(await world.stored('torn-named')).toEqual(['acme', 'globex']);
    expect(await world.stored('malformed-named')).toEqual(['(unknown)']);
  });
});

describe('when', () => {
  it('what was received by then is still queued, it waits on', async () => {
    const trace = newTrace();
    const queued = world.newToken();
    const receivedAt = world.time;
    await world.load([{ name: 'queued', trace }]);
    world.time += 10 * LONG_MS;
    await world.late.adopt(receivedAt + WAIT_MS);
    expect(await world.stored('queued')).toEqual([]);
    const named = [{ name: 'queued-named', trace, tenant: 'acme', start: receivedAt }];
    await world.insert(world.segment(named, { receivedAt: receivedAt + WAIT_MS - 1 }), queued);
    await world.pass(5_000);
    expect(await world.stored('queued')).toEqual(['acme adopted']);
  });

  it('a segment is tried again, after a kill too, its spans wait once', async () => {
    const segment = world.segment([{ name: 'tried-again', trace: newTrace() }]);
    const token = world.newToken();
    await world.insert(segment, token);
    world.time += 20_000;
    const restarted = world.loader();
    await world.insert(segment, token, restarted);
    const apart = restarted.batched({ signal: 'traces', path: '', token: `${token}:part` });
    await world.store.insert(segment, token, 'traces', apart.waitingBatch);
    await world.pass(LONG_MS, restarted);
    expect(await world.stored('tried-again')).toEqual(['(unknown)']);
  });

  it('a segment comes out of the quarantine into a batch that is long stored, its spans are stored as well', async () => {
    const [token, replayed] = [world.newToken(), world.newToken()];
    for (const [name, as] of [
      ['first-in', token],
      ['replayed-in', replayed],
    ] as const) {
      await world.insert(world.segment([{ name, trace: newTrace() }]), as);
      await world.pass(2 * LONG_MS);
      expect(await world.stored(name)).toEqual(['(unknown)']);
    }
    expect(await world.stored('first-in')).toEqual(['(unknown)']);
  });

  it('batches are due the older is stored first', async () => {
    const stored: string[] = [];
    const { clickhouse } = world.store;
    const watched = world.loader({
      clickhouse: {
        inspect: (sql) => clickhouse.inspect(sql),
        command: async (sql) => {
          if (sql.startsWith('ALTER TABLE spans_waiting')) stored.push(sql);
          await clickhouse.command(sql);
        },
      },
    });
    for (const name of ['order-a', 'order-b', 'order-c']) {
      await world.insert(world.segment([{ name, trace: newTrace() }]), world.newToken(), watched);
      world.time += 6_000;
    }
    await world.pass(LONG_MS, watched);
    expect(stored).toHaveLength(3);
    expect(stored).toEqual(stored.toSorted());
  });

  it('nothing is to wait any more, what still does is stored with its batch', async () => {
    await world.load([{ name: 'switched-off', trace: newTrace() }]);
    await world.pass(5_000, world.loader({ waitMs: 0, settleMs: 0 }));
    expect(await world.stored('switched-off')).toEqual(['(unknown)']);
  });

  it('another loader shares the store each stores its own, and the batches of one that is long gone', async () => {
    const trace = newTrace();
    const other = world.loader({ owner: 'bbbbbbbbbbbbbbbb' });
    await world.insert(world.segment([{ name: 'orphan', trace }]), world.newToken(), other);
    await world.load([{ name: 'orphan-named', trace, tenant: 'acme' }]);
    await world.pass(LONG_MS);
    expect(await world.stored('orphan')).toEqual([]);
    await world.pass(3_600_000);
    expect(await world.stored('orphan')).toEqual(['acme adopted']);
  });
});

it('tells how many wait, since when, and what became of them', async () => {
  const fresh = world.loader();
  const trace = newTrace();
  await world.insert(
    world.segment([
      { name: 'figures', trace },
      { name: 'figures', trace: newTrace() },
      { name: 'figures-named', trace, tenant: 'acme' },
    ]),
    world.newToken(),
    fresh,
  );
  await world.pass(10_000, fresh);
  expect(fresh.figures()).toEqual({
    ...{ waitingSpans: 2, oldestMs: 10_000, adoptedSpans: 0, givenUpSpans: 0, trouble: undefined },
  });
  await world.pass(LONG_MS, fresh);
  expect(fresh.figures()).toMatchObject({ waitingSpans: 0, adoptedSpans: 1, givenUpSpans: 1 });
  const [share] = await world.store.clickhouse.inspect<object>(
    `SELECT toUInt32(sum(Spans)) AS spans, toUInt32(sum(AdoptedSpans)) AS adopted FROM spans_by_day WHERE TenantId = 'initech'`,
  );
  expect(share).toEqual({ spans: 2, adopted: 1 });
});

it('stores a hundred thousand spans of as many traces in one go, a piece at a time', async () => {
  const { waitingBatch } = world.late.batched({ signal: 'traces', path: '', token: world.newToken() });
  const startNs = `${world.time}000000`;
  await world.store.clickhouse.command(
    `INSERT INTO span_landing (TenantId, ReceivedAtNs, StartNs, EndNs, TraceId, SpanId, SpanName, SpanKind, ServiceName, SpanAttributes)
     SELECT if(number >= 100000, 'acme', '(unknown)'), ${startNs}, ${startNs}, ${startNs} + 1000, unhex(hex(sipHash128(number % 100000))),
            unhex(hex(sipHash64(number))), concat('many-', toString(number % 100)), 2, 'shop',
            map('http.route', concat('/r', toString(number % 20)), 'padding', repeat(toString(number), 80))
     FROM numbers(101000) SETTINGS log_comment = '${waitingBatch}', async_insert = 0`,
  );
  const pieces: string[] = [];
  const { clickhouse } = world.store;
  const watched = world.loader({
    clickhouse: {
      inspect: (sql) => clickhouse.inspect(sql),
      command: async (sql) => {
        if (sql.startsWith('INSERT INTO span_landing')) pieces.push(sql);
        await clickhouse.command(sql);
      },
    },
  });
  await world.pass(LONG_MS, watched);
  expect(watched.figures()).toMatchObject({ adoptedSpans: 1_000, givenUpSpans: 99_000, trouble: undefined });
  expect(pieces.length).toBeGreaterThanOrEqual(5);
  // The engine itself keeps each statement below it, or fails.
  for (const piece of pieces) expect(piece).toMatch(/max_memory_usage = 1073741824\b/);
});
