import type { Config } from '../config/config.ts';
import { SECOND_MS } from '../domain/window.ts';
import type { SegmentLoader } from '../store/clickhouse/segment-loader.ts';

/**
 * From the sealing of a segment to the rollups: half a second at most until the loader sees it, a few hundred
 * milliseconds until it is in. One that takes longer waits, and is counted as waiting.
 */
const LOADING_MS = SECOND_MS;

/** From the arrival of a span to its segment's being in the loader's queue, or in. */
export function settleMs(config: Config): number {
  return config.TENANTRY_SEGMENT_AGE_MS + LOADING_MS;
}

/**
 * Up to when everything that arrived has been counted: the start of the oldest segment that waits, else now less the
 * time that sealing and loading take. null before the first segment: nothing is known, which is not "no usage".
 */
export function dataUntil(loader: SegmentLoader, config: Config): number | null {
  const { loadedSegments, waitingSegments, oldestWaitingMs } = loader.figures();
  if (loadedSegments === 0) return null;
  const settled = Date.now() - settleMs(config);
  return waitingSegments === 0 ? settled : Math.min(settled, Date.now() - oldestWaitingMs);
}
