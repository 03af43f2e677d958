import type { LatencyHeatMap } from '../../../src/api/traces-contract.ts';
import { formatDuration, trimZeros } from '../shared/format.ts';

/** A map of counts by time and latency as a picture: columns are steps, rows are buckets, row 0 at the bottom. */
interface HeatCell {
  readonly column: number;
  readonly row: number;
  readonly count: number;
  /** 1 (few) to 6 (most). */
  readonly shade: number;
}

export interface HeatPicture {
  readonly columns: number;
  readonly rows: number;
  /** Only those with requests. */
  readonly cells: readonly HeatCell[];
  /** Bucket of row 0. */
  readonly firstBucket: number;
  readonly max: number;
}

export const HEAT_SHADES = 6;
/** A picture of one or two rows would say nothing about how wide the latencies are spread. */
const MIN_ROWS = 8;

/** One request must be seen beside ten thousand, so the shade grows with the logarithm. */
export function shadeOf(count: number, max: number): number {
  if (count <= 0) return 0;
  if (max <= 1) return HEAT_SHADES;
  return Math.max(1, Math.ceil((HEAT_SHADES * Math.log(1 + count)) / Math.log(1 + max)));
}

/** The rows from the fastest to the slowest request, and some around them. */
export function heatPicture({ steps, bounds_ms: bounds }: Pick<LatencyHeatMap, 'steps' | 'bounds_ms'>): HeatPicture {
  const used = steps.flatMap(({ counts }) => counts.flatMap((count, bucket) => (count > 0 ? [bucket] : [])));
  const buckets = bounds.length + 1;
  let first = used.length === 0 ? 0 : Math.min(...used);
  let last = used.length === 0 ? MIN_ROWS - 1 : Math.max(...used);
  while (last - first + 1 < Math.min(MIN_ROWS, buckets)) {
    if (first > 0) first -= 1;
    if (last - first + 1 < MIN_ROWS && last < buckets - 1) last += 1;
  }
  const max = Math.max(0, ...steps.flatMap(({ counts }) => counts));
  const cells = steps.flatMap(({ counts }, column) =>
    counts.flatMap((count, bucket) =>
      count > 0 ? [{ column, row: bucket - first, count, shade: shadeOf(count, max) }] : [],
    ),
  );
  return { columns: steps.length, rows: last - first + 1, cells, firstBucket: first, max };
}

/** The latencies of a bucket, half-open, in ms; the last has no end. */
export function bucketRange(bounds: readonly number[], bucket: number): { from: number; to: number | undefined } {
  return { from: bucket === 0 ? 0 : (bounds[bucket - 1] ?? 0), to: bounds[bucket] };
}

const short = (ms: number) => trimZeros(formatDuration(ms));

/** `100 to 150 ms`, `under 1 ms`, `70 s and more`. */
export function bucketText(bounds: readonly number[], bucket: number): string {
  const { from, to } = bucketRange(bounds, bucket);
  if (to === undefined) return `${short(from)} and more`;
  return from === 0 ? `under ${short(to)}` : `${short(from)} to ${short(to)}`;
}

/** Rows whose lower bound is a power of ten, for the axis. */
export function axisRows(
  bounds: readonly number[],
  picture: HeatPicture,
): { readonly row: number; readonly label: string }[] {
  return Array.from({ length: picture.rows }, (_, row) => row).flatMap((row) => {
    const { from } = bucketRange(bounds, row + picture.firstBucket);
    return from > 0 && Number.isInteger(Math.log10(from)) ? [{ row, label: short(from) }] : [];
  });
}

/** Which cell a point of the picture is in; shares of its width and height from the top left. */
export function cellAt(picture: HeatPicture, x: number, y: number): { column: number; row: number } {
  const clamp = (value: number, size: number) => Math.min(size - 1, Math.max(0, Math.floor(value * size)));
  return { column: clamp(x, picture.columns), row: picture.rows - 1 - clamp(y, picture.rows) };
}
