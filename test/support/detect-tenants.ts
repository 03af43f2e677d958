import {
  type ClientTrace,
  clientTraces,
  type LabelledSeries,
  type RawSeries,
  serviceKpis,
  tweetVolumes,
} from './detect-data.ts';
import { between, gamma, poisson, seeded, splitCount } from './detect-random.ts';

export const DAY = 1_440;

/** One tenant's requests per minute before anything is injected. */
export interface PlainTenant {
  readonly id: string;
  readonly kind: 'client' | 'service' | 'tweets' | 'newcomer';
  /** Unix minutes of the first value. */
  readonly start: number;
  readonly values: Float64Array;
  /** Index of the first minute that is scored; what is before is history. */
  readonly scoredFrom: number;
  /** Minutes that experts called anomalous; undefined where nobody looked. */
  readonly labels?: Uint8Array;
}

/** A Monday, as the hour of the week is what matters. */
const FIRST_MONDAY = Date.UTC(2025, 5, 2) / 60_000;

function clientTenant(trace: ClientTrace, seed: number): PlainTenant {
  const random = seeded(seed, 'client', trace.name);
  const perStep = trace.stepSeconds / 60;
  const values = new Float64Array(trace.values.length * perStep);
  trace.values.forEach((count, step) => {
    if (count === 0) return;
    // A renewal process with this variation between arrivals has counts that are variation^2 times overdispersed.
    values.set(splitCount(random, count, perStep, (trace.variation[step] ?? 1) ** 2), step * perStep);
  });
  return { id: trace.name, kind: 'client', start: FIRST_MONDAY, values, scoredFrom: 7 * DAY };
}

const SERVICE_DAYS = { history: 21, scored: 14 };

/** Five weeks of a service's KPI, thinned so that the tenant makes `perMinute` requests on average. */
function serviceTenant(kpi: LabelledSeries, perMinute: number, seed: number): PlainTenant {
  const random = seeded(seed, 'service', kpi.name, perMinute);
  const length = (SERVICE_DAYS.history + SERVICE_DAYS.scored) * DAY;
  const from = Math.floor(random() * (kpi.values.length - length));
  const part = kpi.values.subarray(from, from + length);
  const scale = perMinute / (part.reduce((sum, value) => sum + value, 0) / length || 1);
  return {
    id: `service-${kpi.name}-${perMinute}`,
    kind: 'service',
    start: Math.floor(kpi.start / 60) + from,
    values: part.map((value) => poisson(random, value * scale)),
    scoredFrom: SERVICE_DAYS.history * DAY,
    labels: kpi.labels.subarray(from, from + length),
  };
}

function tweetTenant(series: RawSeries, seed: number): PlainTenant {
  const random = seeded(seed, 'tweets', series.name);
  const values = new Float64Array(series.values.length * 5);
  series.values.forEach((count, step) => {
    values.set(splitCount(random, count, 5, 1.2), step * 5);
  });
  return { id: series.name, kind: 'tweets', start: series.start / 60, values, scoredFrom: 28 * DAY };
}

/** A tenant that begins at nothing and comes to its usual load within 1 to 48 hours. */
export function newcomerTenant(index: number, seed: number, days = 14): PlainTenant {
  const random = seeded(seed, 'newcomer', index);
  const rate = 10 ** between(random, 0.7, 3.3);
  const onboarding = between(random, 1, 48) * 60;
  const daily = between(random, 0.1, 0.8);
  const peakHour = between(random, 8, 20);
  const restless = between(random, 0.02, 0.25);
  const silence = Math.floor(between(random, 0, 12 * 60));
  const values = new Float64Array(days * DAY);
  let drift = 0;
  for (let minute = silence; minute < values.length; minute += 1) {
    drift = 0.995 * drift + restless * 0.1 * (random() + random() + random() - 1.5) * 2;
    const season = 1 + daily * Math.cos((2 * Math.PI * (minute / 60 - peakHour)) / 24);
    const grown = Math.min(1, (minute - silence + 1) / onboarding);
    const mean = rate * grown * season * Math.exp(drift);
    values[minute] = poisson(random, mean * (gamma(random, 1 / restless ** 2) * restless ** 2));
  }
  return { id: `newcomer-${index}`, kind: 'newcomer', start: FIRST_MONDAY, values, scoredFrom: 0 };
}

/** All tenants that the folder can make for one seed: entities stay, minute noise differs. */
export function plainTenants(seed: number, { newcomers }: { readonly newcomers: number }): PlainTenant[] {
  return [
    ...clientTraces().map((trace) => clientTenant(trace, seed)),
    ...serviceKpis().flatMap((kpi) => [5, 50, 500].map((perMinute) => serviceTenant(kpi, perMinute, seed))),
    ...tweetVolumes().map((series) => tweetTenant(series, seed)),
    ...Array.from({ length: newcomers }, (_, index) => newcomerTenant(index, seed)),
  ];
}

/** Smooth tenants made of arithmetic alone, for tests that must not depend on the traces. */
export function syntheticTenant(index: number, seed: number, historyDays: number, scoredDays: number): PlainTenant {
  const tenant = newcomerTenant(index, seed, historyDays + scoredDays + 3);
  const from = 3 * DAY;
  return {
    id: `synthetic-${index}`,
    kind: 'service',
    start: tenant.start + from,
    values: tenant.values.subarray(from),
    scoredFrom: historyDays * DAY,
  };
}
