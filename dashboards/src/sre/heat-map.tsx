import { useMemo, useState } from 'preact/hooks';
import type { LatencyHeatMap } from '../../../src/api/traces-contract.ts';
import { formatCount } from '../shared/format.ts';
import { timeText, type Zone } from '../shared/time-format.ts';
import { axisRows, bucketRange, bucketText, cellAt, HEAT_SHADES, heatPicture } from './heat-map-geometry.ts';

/** What was picked: a step of time and a bucket of latency. */
export interface HeatPick {
  readonly from: number;
  readonly to: number;
  readonly minMs: number;
  readonly maxMs: number | undefined;
}

interface Spot {
  readonly column: number;
  readonly row: number;
}

const ARROWS: Readonly<Record<string, readonly [columns: number, rows: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};
/** The picture's own units; it is stretched to its frame. */
const CELL = 10;
const TIME_LABELS = 5;

/**
 * How many requests took how long, when: each column is a step of time, each row a band of latencies, the stronger
 * the more. Pointing (or the arrow keys) reads a cell out, a click (or Enter) picks it.
 */
export function HeatMap(props: { heat: LatencyHeatMap; zone: Zone; onPick: (pick: HeatPick) => void }) {
  const { heat, zone } = props;
  const picture = useMemo(() => heatPicture(heat), [heat]);
  const [spot, setSpot] = useState<Spot | null>(null);
  const { columns, rows, firstBucket } = picture;
  const clock = timeText(zone);

  const spotAt = (event: MouseEvent) => {
    if (!(event.currentTarget instanceof Element)) return null;
    const box = event.currentTarget.getBoundingClientRect();
    return cellAt(picture, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  const pick = (at: Spot | null) => {
    const step = at === null ? undefined : heat.steps[at.column];
    if (at === null || step === undefined) return;
    const range = bucketRange(heat.bounds_ms, at.row + firstBucket);
    props.onPick({
      from: step.at,
      to: step.at + heat.step_seconds * 1000,
      minMs: Math.floor(range.from),
      maxMs: range.to === undefined ? undefined : Math.ceil(range.to),
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') return pick(spot);
    const move = ARROWS[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const from = spot ?? { column: columns - 1, row: 0 };
    const inside = (value: number, size: number) => Math.min(size - 1, Math.max(0, value));
    setSpot({ column: inside(from.column + move[0], columns), row: inside(from.row + move[1], rows) });
  };

  const said = spot === null ? undefined : readingOf(heat, spot, firstBucket, zone);
  const times = Array.from({ length: TIME_LABELS }, (_, index) => {
    const step = heat.steps[Math.round((index * (columns - 1)) / (TIME_LABELS - 1))];
    return step === undefined ? '' : timeLabel(step.at, heat, clock);
  });
  return (
    <figure class="heat card" data-testid="latency-heat">
      <figcaption class="chart-head">
        <h3>Requests by latency</h3>
        <span class="chart-unit">the stronger, the more</span>
        <span class="chart-time" aria-live="polite" data-testid="heat-reading">
          {said ?? `largest cell ${formatCount(picture.max)}`}
        </span>
      </figcaption>
      <div class="heat-frame">
        <div class="heat-axis" aria-hidden="true">
          {axisRows(heat.bounds_ms, picture).map(({ row, label }) => (
            <span key={row} style={{ bottom: `${(row / rows) * 100}%` }}>
              {label}
            </span>
          ))}
        </div>
        <div
          class="heat-plot"
          role="slider"
          tabIndex={0}
          aria-label="Requests by time and latency. Arrow keys move, Enter opens the traces of a cell."
          aria-valuemin={0}
          aria-valuemax={columns * rows - 1}
          aria-valuenow={spot === null ? 0 : spot.column * rows + spot.row}
          aria-valuetext={said ?? 'no cell chosen'}
          onKeyDown={onKeyDown}
          onPointerMove={(event) => setSpot(spotAt(event))}
          onPointerLeave={() => setSpot(null)}
          onBlur={() => setSpot(null)}
          onClick={(event) => pick(spotAt(event))}
        >
          <svg viewBox={`0 0 ${columns * CELL} ${rows * CELL}`} preserveAspectRatio="none" aria-hidden="true">
            {picture.cells.map(({ column, row, shade }) => (
              <rect
                key={`${column} ${row}`}
                class={`heat-${shade}`}
                x={column * CELL + 0.5}
                y={(rows - 1 - row) * CELL + 0.5}
                width={CELL - 1}
                height={CELL - 1}
              />
            ))}
            {spot && (
              <rect
                class="heat-spot"
                x={spot.column * CELL}
                y={(rows - 1 - spot.row) * CELL}
                width={CELL}
                height={CELL}
              />
            )}
          </svg>
        </div>
        <div class="heat-times" aria-hidden="true">
          {times.map((text, index) => (
            <span key={index}>{text}</span>
          ))}
        </div>
      </div>
      <p class="heat-foot muted small">
        <span>Choose a cell to see its traces. Counted from the latency sketches of each minute.</span>
        <span class="heat-key" aria-hidden="true">
          few
          {Array.from({ length: HEAT_SHADES }, (_, index) => (
            <i key={index} class={`heat-${index + 1}`} />
          ))}
          many
        </span>
      </p>
    </figure>
  );
}

function timeLabel(at: number, heat: LatencyHeatMap, clock: ReturnType<typeof timeText>): string {
  return heat.step_seconds >= 3_600 ? clock.dateMinute(at) : clock.minute(at);
}

function readingOf(heat: LatencyHeatMap, spot: Spot, firstBucket: number, zone: Zone): string | undefined {
  const step = heat.steps[spot.column];
  if (step === undefined) return undefined;
  const bucket = spot.row + firstBucket;
  const count = step.counts[bucket] ?? 0;
  const when = timeText(zone).dateMinute(step.at);
  const requests = `${formatCount(count)} of ${formatCount(step.requests)} requests`;
  return `${when}: ${requests}, ${bucketText(heat.bounds_ms, bucket)}`;
}
