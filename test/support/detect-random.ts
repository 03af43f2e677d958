/** A number from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number;

/** Mulberry32 over a hashed label: every tenant and purpose has a stream of its own, whatever is drawn elsewhere. */
export function seeded(...labels: readonly (string | number)[]): Random {
  let state = 0x811c9dc5;
  for (const character of labels.join('/'))
    state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function between(random: Random, from: number, to: number): number {
  return from + (to - from) * random();
}

export function oneOf<T>(random: Random, items: readonly [T, ...T[]]): T {
  return items[Math.floor(random() * items.length)] ?? items[0];
}

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Marsaglia and Tsang; shapes below 1 by the usual boost. */
export function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Exact below a mean of 30; above, the rounded normal is off by less than the noise that it stands for. */
export function poisson(random: Random, mean: number): number {
  if (mean <= 0) return 0;
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  let count = 0;
  for (let left = Math.exp(-mean), product = random(); product > left; product *= random()) count += 1;
  return count;
}

/** `total` things over `parts` slots whose counts have about `dispersion` times the variance of Poisson counts. */
export function splitCount(random: Random, total: number, parts: number, dispersion: number): number[] {
  const spread = Math.max(1.02, Math.min(dispersion, 0.9 * total));
  const shape = Math.max(0.02, (total - spread) / (spread - 1) / parts);
  const weights = Array.from({ length: parts }, () => gamma(random, shape));
  let weightLeft = weights.reduce((sum, weight) => sum + weight, 0);
  let left = total;
  return weights.map((weight) => {
    const share = weightLeft > 0 ? Math.min(1, weight / weightLeft) : 1;
    weightLeft -= weight;
    const taken = binomial(random, left, share);
    left -= taken;
    return taken;
  });
}

function binomial(random: Random, trials: number, share: number): number {
  if (share >= 1) return trials;
  const variance = trials * share * (1 - share);
  if (variance > 25) {
    return Math.min(trials, Math.max(0, Math.round(trials * share + Math.sqrt(variance) * normal(random))));
  }
  if (trials > 200) return Math.min(trials, poisson(random, trials * share));
  let hits = 0;
  for (let trial = 0; trial < trials; trial += 1) if (random() < share) hits += 1;
  return hits;
}
