/** A number from 0 (inclusive) to 1 (exclusive), like Math.random. */
export type Random = () => number;

/** Mulberry32: a run with the same seed makes the same requests. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Milliseconds until the next arrival of a Poisson process with this many arrivals a second. */
export function poissonGapMs(ratePerSecond: number, random: Random): number {
  return (-Math.log(1 - random()) / ratePerSecond) * 1_000;
}

/** An item, each as likely as its weight says. */
export function pickWeighted<T>(items: readonly T[], weightOf: (item: T) => number, random: Random): T {
  const total = items.reduce((sum, item) => sum + weightOf(item), 0);
  let left = random() * total;
  for (const item of items) {
    left -= weightOf(item);
    if (left < 0) return item;
  }
  const last = items.at(-1);
  if (last === undefined) throw new RangeError('Nothing to pick from');
  return last;
}

/** A value between the points of a quantile function, given as [share, value] pairs in ascending order. */
export function fromQuantiles(points: readonly (readonly [number, number])[], share: number): number {
  for (let index = 1; index < points.length; index++) {
    const [shareBelow, valueBelow] = points[index - 1] ?? [0, 0];
    const [shareAbove, valueAbove] = points[index] ?? [1, 0];
    if (share <= shareAbove) {
      return valueBelow + ((share - shareBelow) / (shareAbove - shareBelow)) * (valueAbove - valueBelow);
    }
  }
  return points.at(-1)?.[1] ?? 0;
}
