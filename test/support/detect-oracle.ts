import type { PlainTenant } from './detect-tenants.ts';

const BIN = 5;
const BINS_A_DAY = 288;

/** What a tenant's load was around a time, judged with the past and the future. */
export interface Oracle {
  /** Per minute in bins of 5 minutes. */
  readonly baseline: Float64Array;
  /** Minutes [from, to) of surges that nobody injected. */
  readonly bursts: readonly (readonly [number, number])[];
}

export type Stratum = 'smooth' | 'moderate' | 'wild';

export type OracleKind = 'seasonal' | 'local';

/** A surge is 2.5 times the baseline and 20 requests a minute above it. */
const BURST = { ratio: 2.5, excess: 20 };
/** An alarm this many minutes around a surge belongs to it. */
const MARGIN = 15;

function binned(values: Float64Array): Float64Array {
  const bins = new Float64Array(Math.ceil(values.length / BIN));
  for (let bin = 0; bin < bins.length; bin += 1) {
    let sum = 0;
    let count = 0;
    for (let index = bin * BIN; index < Math.min(values.length, bin * BIN + BIN); index += 1) {
      const value = values[index] ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      sum += value;
      count += 1;
    }
    bins[bin] = count === 0 ? Number.NaN : sum / count;
  }
  return bins;
}

/** Median of the bins within `half` on either side, cut off at the ends. */
function runningMedian(bins: Float64Array, half: number): Float64Array {
  const sorted: number[] = [];
  const out = new Float64Array(bins.length);
  const place = (value: number) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  let added = 0;
  for (let bin = 0; bin < bins.length; bin += 1) {
    for (; added <= Math.min(bins.length - 1, bin + half); added += 1) {
      const value = bins[added] ?? Number.NaN;
      if (!Number.isNaN(value)) sorted.splice(place(value), 0, value);
    }
    const gone = bins[bin - half - 1] ?? Number.NaN;
    if (!Number.isNaN(gone)) sorted.splice(place(gone), 1);
    out[bin] = sorted[sorted.length >> 1] ?? 0;
  }
  return out;
}

/** A day's running median times the usual shape of the day, or the running median of three hours either side. */
function baselineOf(tenant: PlainTenant, bins: Float64Array, kind: OracleKind): Float64Array {
  if (kind === 'local') return runningMedian(bins, 36);
  const level = runningMedian(bins, BINS_A_DAY / 2);
  const shares: number[][] = Array.from({ length: 24 }, () => []);
  const hourOf = (bin: number) => Math.floor((tenant.start + bin * BIN) / 60) % 24;
  bins.forEach((load, bin) => {
    const around = level[bin] ?? 0;
    if (around > 0 && !Number.isNaN(load)) shares[hourOf(bin)]?.push(load / around);
  });
  const shape = shares.map((hour) => hour.toSorted((left, right) => left - right)[hour.length >> 1] ?? 1);
  return level.map((value, bin) => value * (shape[hourOf(bin)] ?? 1));
}

export function oracleOf(tenant: PlainTenant, kind: OracleKind): Oracle {
  const bins = binned(tenant.values);
  const baseline = baselineOf(tenant, bins, kind);
  const bursts: [number, number][] = [];
  const add = (from: number, to: number) => {
    const last = bursts.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else bursts.push([from, to]);
  };
  bins.forEach((load, bin) => {
    const usual = baseline[bin] ?? 0;
    const surge = load >= BURST.ratio * usual && load - usual >= BURST.excess;
    const labelled = tenant.labels?.subarray(bin * BIN, bin * BIN + BIN).some((label) => label > 0) ?? false;
    if (surge || labelled) add(bin * BIN - MARGIN, bin * BIN + BIN + MARGIN);
  });
  return { baseline, bursts };
}

/** Robust standard deviation of the log load around the oracle: below 0.3 smooth, up to 1 moderate, above wild. */
export function stratumOf(tenant: PlainTenant, oracle: Oracle): Stratum {
  const bins = binned(tenant.values);
  const residuals: number[] = [];
  bins.forEach((load, bin) => {
    const usual = oracle.baseline[bin] ?? 0;
    if (load + usual >= 1) residuals.push(Math.abs(Math.log((load + 1) / (usual + 1))));
  });
  residuals.sort((left, right) => left - right);
  const spread = 1.4826 * (residuals[residuals.length >> 1] ?? 0);
  return spread < 0.3 ? 'smooth' : spread <= 1 ? 'moderate' : 'wild';
}
