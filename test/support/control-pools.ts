/** Pools of tenants that share one capacity, month by month, with events that harm the others and events that do not. */
import type { MeasuredMinute } from '../../src/detect/minute-detector.ts';
import type { BacktestLabel } from '../../src/domain/backtest.ts';
import type { Window } from '../../src/domain/window.ts';
import { between, normal, oneOf, poisson, type Random, seeded } from './detect-random.ts';

const DAY = 1_440;
const TENANTS = 12;
/** Of the capacity: where others begin to feel it, as detection.md 4.3 has it. */
const HARM = 0.9;
const HARM_MINUTES = 3;
/** What comes nearer than this, or goes over it for less long, is neither harm nor harmless. */
const NEAR = 0.85;
/** Clean load stays below this share of the capacity in 99 of 100 minutes. */
const TARGET = 0.8;
const MINUTE_MS = 60_000;

type EventKind = 'step' | 'ramp' | 'heavy' | 'blip' | 'growth' | 'slow-dependency' | 'costly-release';

interface PoolEvent {
  readonly kind: EventKind;
  readonly from: number;
  readonly to: number;
  readonly factor: number;
  /** Index of the tenant; -1: everybody. */
  readonly tenant: number;
}

interface PoolTenant {
  readonly id: string;
  readonly perMinute: number;
  readonly serviceMs: number;
  readonly swing: number;
  readonly phase: number;
  /** Variance of counts over that of Poisson counts. */
  readonly noise: number;
  readonly batchAt: number | undefined;
}

interface SimulatedMinute {
  readonly measured: MeasuredMinute;
  readonly uses: ReadonlyMap<string, { requests: number; cpuMs: number; dbMs: number; p95Ms: number | null }>;
}

export interface PoolSample {
  /** What was right to act on. */
  readonly labels: readonly BacktestLabel[];
  /** Events of one tenant that come near to harm: to act on them is neither right nor wrong. */
  readonly borderline: readonly BacktestLabel[];
  /** Injected events of one tenant that did not harm the others. */
  readonly harmless: number;
  readonly window: Window;
  readonly historyMs: number;
  minutes(window: Window): readonly SimulatedMinute[];
}

/** @param days that are judged, after eight of history */
export function simulatedPoolMonth(seed: number, days: number): PoolSample {
  const random = seeded('pool-month', seed);
  const tenants = makeTenants(random);
  const start = Math.floor(Date.UTC(2026, 5, 1) / MINUTE_MS);
  const judgedFrom = start + 8 * DAY;
  const end = judgedFrom + days * DAY;
  const capacity = capacityOf(tenants, start);
  const events = makeEvents(random, judgedFrom, end);
  const own = events.filter(({ tenant }) => tenant >= 0);
  const harmful = own.filter((event) => minutesAbove(HARM, event, tenants, capacity) >= HARM_MINUTES);
  const near = own.filter((event) => !harmful.includes(event) && minutesAbove(NEAR, event, tenants, capacity) > 0);
  const labelOf = ({ tenant, from, to }: PoolEvent): BacktestLabel => ({
    ...{ tenant_id: tenants[tenant]?.id ?? '', started_at: from * 60, ended_at: to * 60 },
  });
  return {
    labels: harmful.map(labelOf),
    borderline: near.map(labelOf),
    harmless: own.length - harmful.length - near.length,
    window: { from: judgedFrom * MINUTE_MS, to: end * MINUTE_MS },
    historyMs: (judgedFrom - start) * MINUTE_MS,
    minutes: ({ from, to }) => {
      const first = Math.max(start, from / MINUTE_MS);
      const count = Math.max(0, Math.min(end, to / MINUTE_MS) - first);
      return Array.from({ length: count }, (_, index) => minuteOf(seed, tenants, events, capacity, first + index));
    },
  };
}

function makeTenants(random: Random): PoolTenant[] {
  return Array.from({ length: TENANTS }, (_, index) => ({
    id: `tenant-${index}`,
    perMinute: 60 * (1 - random()) ** (-1 / 1.5),
    serviceMs: between(random, 30, 90),
    swing: between(random, 0.1, 0.5),
    phase: between(random, -180, 180),
    noise: between(random, 1, 4),
    batchAt: random() < 0.15 ? Math.floor(between(random, 0, 300)) : undefined,
  }));
}

function usualRate({ perMinute, swing, phase, batchAt }: PoolTenant, minute: number): number {
  const ofDay = minute % DAY;
  const day = 1 + swing * Math.sin((2 * Math.PI * (ofDay - 480 + phase)) / DAY);
  const isBatch = batchAt !== undefined && ofDay >= batchAt && ofDay < batchAt + 30;
  return perMinute * day * (isBatch ? 4 : 1);
}

const usualLoad = (tenants: readonly PoolTenant[], minute: number) =>
  tenants.reduce((sum, tenant) => sum + usualRate(tenant, minute) * tenant.serviceMs, 0);

function capacityOf(tenants: readonly PoolTenant[], start: number): number {
  const loads = Array.from({ length: DAY }, (_, index) => usualLoad(tenants, start + index)).toSorted((a, b) => a - b);
  return (loads[Math.floor(loads.length * 0.99)] ?? 0) / TARGET;
}

function makeEvents(random: Random, from: number, to: number): PoolEvent[] {
  const events: PoolEvent[] = [];
  let at = from + between(random, 300, DAY);
  while (at < to - DAY / 2) {
    const kinds: [EventKind, ...EventKind[]] = ['step', 'step', 'step', 'ramp', 'heavy', 'blip', 'growth'];
    const kind =
      random() < 0.2 ? oneOf<EventKind>(random, ['slow-dependency', 'costly-release']) : oneOf(random, kinds);
    const isShared = kind === 'slow-dependency' || kind === 'costly-release';
    const minutes = { blip: between(random, 1, 3), growth: between(random, 60, 240) } as Partial<
      Record<EventKind, number>
    >;
    const begin = Math.floor(at);
    events.push({
      kind,
      from: begin,
      to: begin + Math.ceil(minutes[kind] ?? between(random, 30, 90)),
      factor: kind === 'growth' ? between(random, 1.5, 2) : oneOf(random, [3, 5, 10, 20]),
      tenant: isShared ? -1 : Math.floor(random() * TENANTS),
    });
    at += between(random, DAY / 2, 2 * DAY);
  }
  return events;
}

function strength({ kind, from, to, factor }: PoolEvent, minute: number): number {
  if (minute < from || minute >= to) return 1;
  return kind === 'ramp' ? 1 + (factor - 1) * Math.min(1, (minute - from + 1) / 20) : factor;
}

/** Minutes in which an event by itself, without any noise, takes the pool from below a share of its capacity to above it. */
function minutesAbove(share: number, event: PoolEvent, tenants: readonly PoolTenant[], capacity: number): number {
  const tenant = tenants[event.tenant];
  if (tenant === undefined) return 0;
  let above = 0;
  for (let minute = event.from; minute < event.to; minute += 1) {
    const without = usualLoad(tenants, minute);
    const extra = (strength(event, minute) - 1) * usualRate(tenant, minute) * tenant.serviceMs;
    if (without < share * capacity && without + extra >= share * capacity) above += 1;
  }
  return above;
}

/** How much slower a pool of many servers is than when idle: flat for long, twice at the share that counts as harm. */
function slowness(load: number, capacity: number): number {
  const busy = Math.min(0.985, load / capacity);
  return 1 + (0.8 * busy ** 20) / (1 - busy) + Math.max(0, load / capacity - 0.985) * 20;
}

function minuteOf(
  seed: number,
  tenants: readonly PoolTenant[],
  events: readonly PoolEvent[],
  capacity: number,
  minute: number,
): SimulatedMinute {
  const random = seeded('pool-minute', seed, minute);
  const active = events.filter(({ from, to }) => minute >= from && minute < to);
  const shared = (kind: EventKind) => active.some((event) => event.kind === kind);
  const cost = shared('costly-release') ? 1.6 : 1;
  const done = tenants.map((tenant, index) => {
    const own = active.filter((event) => event.tenant === index);
    const more = own.filter(({ kind }) => kind !== 'heavy').reduce((all, event) => all * strength(event, minute), 1);
    const heavier = own.filter(({ kind }) => kind === 'heavy').reduce((all, event) => all * event.factor, 1);
    const mean = usualRate(tenant, minute) * more;
    const requests = Math.round(poisson(random, mean / tenant.noise) * tenant.noise);
    const cpuMs = requests * tenant.serviceMs * heavier * cost * (1 + 0.03 * normal(random));
    return { tenant, requests, cpuMs };
  });
  const load = done.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  const delay = slowness(load, capacity) * cost * (shared('slow-dependency') ? 3 : 1);
  const uses = new Map<string, { requests: number; cpuMs: number; dbMs: number; p95Ms: number | null }>();
  const values = new Map<string, ReadonlyMap<string, number>>();
  for (const { tenant, requests, cpuMs } of done) {
    if (requests === 0) continue;
    const p95Ms = 3 * tenant.serviceMs * delay * Math.exp((0.03 + 0.6 / Math.sqrt(requests)) * normal(random));
    uses.set(tenant.id, { requests, cpuMs, dbMs: 0, p95Ms });
    values.set(tenant.id, new Map(Object.entries({ requests, cpu_ms: cpuMs, p95_ms: p95Ms })));
  }
  return { measured: { minute, tenants: values }, uses };
}
