import type { NabFile } from './detect-data.ts';

/**
 * The score of the Numenta Anomaly Benchmark as its paper and scorer define it (Lavin and Ahmad, 2015): the first
 * detection in a labelled window earns up to 1, the earlier the more; a detection outside costs up to `fp`, the farther
 * behind the last window the more; a window without one costs `fn`. 0 is a detector that never speaks, 100 a perfect one.
 */
export interface NabProfile {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
}

export const NAB_STANDARD: NabProfile = { tp: 1, fp: 0.11, fn: 1 };

/** The first 15 % of a file, at most 750 rows, are for learning and never scored. */
function probation(rows: number): number {
  return Math.floor(0.15 * Math.min(rows, 5_000));
}

function sigmoid(position: number): number {
  return position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1;
}

/** What a detection at the left edge of a window earns before it is scaled to 1. */
const BEST = sigmoid(-1);

interface Raw {
  readonly score: number;
  readonly windows: number;
}

/** `detections`: indexes of rows. */
function nabRaw(file: NabFile, detections: readonly number[], profile: NabProfile): Raw {
  const first = probation(file.times.length);
  const windows = file.windows
    .map(
      ([from, to]) =>
        [file.times.findIndex((time) => time >= from), file.times.findLastIndex((time) => time <= to)] as const,
    )
    .filter(([, right]) => right >= first);
  let score = 0;
  const hit = new Set<number>();
  for (const index of [...new Set(detections)].toSorted((one, other) => one - other)) {
    if (index < first) continue;
    const inside = windows.findIndex(([left, right]) => index >= left && index <= right);
    if (inside === -1) {
      const before = windows.findLast(([, right]) => right < index);
      const width = before === undefined ? 0 : before[1] - before[0] + 1;
      const worth = before === undefined ? -1 : sigmoid((index - before[1]) / Math.max(1, width - 1));
      score += profile.fp * worth;
    } else if (!hit.has(inside)) {
      hit.add(inside);
      const [left, right] = windows[inside] ?? [0, 0];
      score += (profile.tp * sigmoid(-(right - index + 1) / (right - left + 1))) / BEST;
    }
  }
  return { score: score - profile.fn * (windows.length - hit.size), windows: windows.length };
}

/** The normalised score over several files. */
export function nabScore(
  files: readonly NabFile[],
  detectionsOf: (file: NabFile) => readonly number[],
  profile: NabProfile = NAB_STANDARD,
): number {
  let [score, windows] = [0, 0];
  for (const file of files) {
    const raw = nabRaw(file, detectionsOf(file), profile);
    score += raw.score;
    windows += raw.windows;
  }
  return (100 * (score + profile.fn * windows)) / (windows * (profile.tp + profile.fn));
}
