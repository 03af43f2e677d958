/** Numbers from 0 to below 1, the same ones for the same seed (mulberry32): a resumed run picks as the first one did. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * One block out of each of `count` stretches of equal length, ascending. Spread evenly, so that what lies together is
 * met; random within the stretch, so that nothing periodic is missed.
 */
export function stratifiedBlocks(pages: number, count: number, random: () => number): number[] {
  const stretches = Math.min(count, pages);
  return Array.from({ length: stretches }, (_, index) => {
    const first = Math.floor((index * pages) / stretches);
    const end = Math.floor(((index + 1) * pages) / stretches);
    return first + Math.floor(random() * (end - first));
  });
}

/** The unread pages between two neighbours of the sample; `left` is -1 before the first one. */
export interface Gap {
  /** Indexes into the sample; undefined at the table's ends. */
  readonly left: number | undefined;
  readonly right: number | undefined;
  /** First unread page. */
  readonly first: number;
  /** Unread pages. */
  readonly length: number;
}

/** Every gap of a sample in ascending order, those of no length left out. */
export function gapsOf(blocks: readonly number[], pages: number): Gap[] {
  const gaps: Gap[] = [];
  for (let index = 0; index <= blocks.length; index += 1) {
    const first = index === 0 ? 0 : (blocks[index - 1] ?? 0) + 1;
    const end = blocks[index] ?? pages;
    if (end <= first) continue;
    const left = index === 0 ? undefined : index - 1;
    const right = index === blocks.length ? undefined : index;
    gaps.push({ left, right, first, length: end - first });
  }
  return gaps;
}

/** How many pages each page of the sample stands for: itself and half of each gap beside it. They add up to `pages`. */
export function weightsOf(blocks: readonly number[], gaps: readonly Gap[]): Float64Array {
  const weights = new Float64Array(blocks.length).fill(1);
  for (const { left, right, length } of gaps) {
    const ends = [left, right].filter((end) => end !== undefined);
    for (const end of ends) weights[end] = (weights[end] ?? 0) + length / ends.length;
  }
  return weights;
}
