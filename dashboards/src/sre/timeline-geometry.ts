/** Where events stand on the timeline. Pure: pixels from times. */
import type { RangeWindow } from '../shared/time-range.ts';
import { LANES, type Lane, type TimelineEvent } from './timeline-events.ts';

export interface PlacedEvent {
  readonly event: TimelineEvent;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

interface PlacedLane {
  readonly lane: Lane;
  readonly y: number;
  readonly height: number;
  readonly events: readonly PlacedEvent[];
}

export interface Timeline {
  readonly height: number;
  readonly lanes: readonly PlacedLane[];
  readonly ticks: readonly { readonly x: number; readonly at: number }[];
}

export const BAR_HEIGHT = 12;
const LANE_HEAD = 18;
export const AXIS_HEIGHT = 22;
const ROW_GAP = 4;
const LANE_GAP = 10;
/** More events at one moment than this share the last row. */
const MOST_ROWS = 4;
/** A moment, and the least that can be hit with a finger's tip and a pointer. */
const LEAST_WIDTH = 10;
const TICK_EVERY_PX = 110;
const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1_440, 2_880].map((minutes) => minutes * 60_000);

function placedLane(lane: Lane, events: readonly TimelineEvent[], scale: Scale, y: number): PlacedLane {
  const ends: number[] = [];
  const placed = events
    .filter((event) => event.lane === lane)
    .map((event): PlacedEvent => {
      const from = scale.x(event.from);
      const to = event.isOpen ? scale.x(Math.max(event.from, scale.now)) : scale.x(event.to ?? event.from);
      const width = Math.min(scale.width, Math.max(LEAST_WIDTH, to - from));
      const x = Math.min(from, scale.width - width);
      const free = ends.findIndex((end) => end + 2 <= x);
      const row = free >= 0 ? free : Math.min(ends.length, MOST_ROWS - 1);
      ends[row] = x + width;
      return { event, x, width, y: y + LANE_HEAD + row * (BAR_HEIGHT + ROW_GAP) };
    });
  const rows = Math.max(1, ends.length);
  return { lane, y, height: LANE_HEAD + rows * (BAR_HEIGHT + ROW_GAP), events: placed };
}

interface Scale {
  readonly width: number;
  readonly now: number;
  readonly x: (at: number) => number;
}

/** @param now Unix ms; what is not over yet ends there */
export function timelineOf(
  events: readonly TimelineEvent[],
  window: RangeWindow,
  width: number,
  now: number,
): Timeline {
  const span = Math.max(1, window.to - window.from);
  const x = (at: number) => Math.min(width, Math.max(0, ((at - window.from) / span) * width));
  const scale = { width, x, now: Math.min(now, window.to) };
  const lanes: PlacedLane[] = [];
  let y = 0;
  for (const lane of LANES) {
    const placed = placedLane(lane, events, scale, y);
    lanes.push(placed);
    y += placed.height + LANE_GAP;
  }
  const step = STEPS_MS.find((ms) => (ms / span) * width >= TICK_EVERY_PX) ?? 7 * 86_400_000;
  const ticks = [];
  for (let at = Math.ceil(window.from / step) * step; at < window.to; at += step) ticks.push({ at, x: x(at) });
  return { height: y + AXIS_HEIGHT, lanes, ticks };
}
