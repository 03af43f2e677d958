import { between, oneOf, poisson, type Random } from './detect-random.ts';
import { DAY, type PlainTenant } from './detect-tenants.ts';

export type AnomalyKind = 'step3' | 'step5' | 'step10' | 'ramp1h' | 'ramp4h';
export type BenignKind =
  | 'blip'
  | 'x1.5'
  | 'x2'
  | 'growth'
  | 'nightly'
  | 'new-nightly'
  | 'gap'
  | 'zero-recovery'
  | 'clock-shift';

export interface ReplayEvent {
  readonly kind: AnomalyKind | BenignKind | 'ignored';
  readonly anomaly: boolean;
  /** Minutes [from, to) of the series. */
  readonly from: number;
  readonly to: number;
  /** From here on it is beyond 3x: delays count from here. */
  readonly onset: number;
  /** Anomalies that add less than 20 a minute are not scored. */
  readonly scored: boolean;
  /** The load during the event reaches half of the tenant's own 7-day 99th percentile. */
  readonly material: boolean;
}

const ANOMALIES = ['step3', 'step5', 'step10', 'ramp1h', 'ramp4h'] as const;
const BENIGN = ['blip', 'x1.5', 'x2', 'growth', 'gap', 'zero-recovery', 'blip', 'x1.5', 'x2'] as const;
const STEP: Readonly<Record<string, number>> = { step3: 3, step5: 5, step10: 10 };

/** An event's factor at each minute after its beginning. */
interface Shape {
  readonly length: number;
  readonly onset: number;
  factor(minute: number): number;
}

function rampTo(peak: number, rise: number, hold: number): Shape {
  const factor = (minute: number) => 1 + (peak - 1) * Math.min(1, minute / rise);
  return { length: rise + hold, onset: Math.ceil((rise * 2) / (peak - 1)), factor };
}

function flat(factor: number, length: number): Shape {
  return { length, onset: 0, factor: () => factor };
}

function shapeOf(kind: AnomalyKind | (typeof BENIGN)[number], random: Random): Shape {
  switch (kind) {
    case 'ramp1h':
      return rampTo(5, 60, 30);
    case 'ramp4h':
      return rampTo(6, 240, 30);
    case 'blip':
      return flat(between(random, 4, 5), random() < 0.5 ? 1 : 2);
    case 'x1.5':
      return flat(1.5, Math.round(between(random, 60, 240)));
    case 'x2':
      return flat(2, Math.round(between(random, 60, 240)));
    case 'growth':
      return rampTo(2.5, 36 * 60, 12 * 60);
    case 'gap':
      return flat(Number.NaN, Math.round(between(random, 30, 120)));
    case 'zero-recovery':
      return flat(0, Math.round(between(random, 30, 120)));
    default:
      return flat(STEP[kind] ?? 3, Math.round(between(random, 30, 120)));
  }
}

/** Things that stay: a nightly batch (old, or new within the scored part) and a clock that changes by an hour. */
function addHabits(values: Float64Array, tenant: PlainTenant, random: Random): ReplayEvent[] {
  const choice = random();
  const { scoredFrom } = tenant;
  if (tenant.kind === 'newcomer' || choice > 0.3) return [];
  if (choice < 0.06) {
    const from = scoredFrom + DAY + Math.floor(random() * (values.length - scoredFrom - 2 * DAY));
    values.copyWithin(from, from + 60);
    return [benign('clock-shift', from, Math.min(values.length, from + DAY))];
  }
  const fresh = choice < 0.18;
  const minuteOfDay = Math.floor(random() * (DAY - 90));
  const length = Math.round(between(random, 20, 60));
  const factor = between(random, 3, 6);
  const events: ReplayEvent[] = [];
  const first = fresh ? scoredFrom : 0;
  let night = 0;
  for (let day = first; day + minuteOfDay + length + 10 < values.length; day += DAY) {
    const from = day + minuteOfDay + Math.round(between(random, -5, 5));
    if (from < 0) continue;
    multiply(values, from, flat(factor, length), random);
    night += 1;
    if (day < scoredFrom) continue;
    const kind = fresh ? (night < 3 ? 'ignored' : 'new-nightly') : 'nightly';
    events.push({ ...benign('nightly', from, from + length), kind });
  }
  return events;
}

function benign(kind: BenignKind, from: number, to: number): ReplayEvent {
  return { kind, anomaly: false, from, to, onset: from, scored: true, material: false };
}

function multiply(values: Float64Array, from: number, shape: Shape, random: Random): number {
  let extra = 0;
  for (let minute = 0; minute < shape.length && from + minute < values.length; minute += 1) {
    const before = values[from + minute] ?? 0;
    const factor = shape.factor(minute);
    const after = factor > 1 ? before + poisson(random, before * (factor - 1)) : before * factor;
    values[from + minute] = after;
    if (minute >= shape.onset && !Number.isNaN(after)) extra += after - before;
  }
  return extra / Math.max(1, shape.length - shape.onset);
}

/** The 99th percentile of the minutes before `until`, at most 7 days of them. */
function p99Before(values: Float64Array, until: number): number {
  const week = Float64Array.from(
    values.subarray(Math.max(0, until - 7 * DAY), until).filter((value) => value >= 0),
  ).sort();
  return week[Math.floor(week.length * 0.99)] ?? 0;
}

function meanOf(values: Float64Array, from: number, to: number): number {
  let sum = 0;
  for (let index = from; index < to; index += 1) sum += values[index] ?? 0;
  return sum / Math.max(1, to - from);
}

export interface EventDensity {
  /** Anomalies and benign events a day, each. */
  readonly perDay: number;
}

/**
 * The tenant with anomalies and benign events in its scored part. Events keep three hours of distance, as life's do, so
 * that each alarm has one cause.
 */
export function withEvents(
  tenant: PlainTenant,
  random: Random,
  { perDay }: EventDensity,
): { readonly values: Float64Array; readonly events: readonly ReplayEvent[] } {
  const values = tenant.values.slice();
  const events = addHabits(values, tenant, random);
  const from = Math.max(tenant.scoredFrom + 60, tenant.kind === 'newcomer' ? 4 * DAY : 0);
  const days = (values.length - from) / DAY;
  const wanted = poisson(random, 2 * perDay * days);
  for (let turn = 0; turn < wanted; turn += 1) {
    const kind = random() < 0.5 ? oneOf(random, ANOMALIES) : oneOf(random, BENIGN);
    const shape = shapeOf(kind, random);
    const start = from + Math.floor(random() * (values.length - from));
    const end = start + shape.length;
    if (end + 10 > values.length || events.some((one) => start < one.to + 180 && end > one.from - 180)) continue;
    const p99 = p99Before(tenant.values, start);
    const extra = multiply(values, start, shape, random);
    if ((ANOMALIES as readonly string[]).includes(kind)) {
      const load = meanOf(values, start + shape.onset, end);
      const verdict = { scored: extra >= 20, material: load >= 0.5 * p99 };
      events.push({ kind, anomaly: true, from: start, to: end, onset: start + shape.onset, ...verdict });
    } else events.push(benign(kind as BenignKind, start, end));
  }
  return { values, events: events.toSorted((left, right) => left.from - right.from) };
}
