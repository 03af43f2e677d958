import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { alignLines, type ChartLine } from './chart-data.ts';
import { chartOptions, type Mark, readColors, setSharedCursor } from './chart-options.ts';
import { trimZeros } from './format.ts';
import { timeText, type Zone } from './time-format.ts';
import type { RangeWindow } from './time-range.ts';

export interface ChartProps {
  readonly title: string;
  /** What the axis measures, such as `ms` or `requests / s`. */
  readonly unit: string;
  readonly lines: readonly ChartLine[];
  /** Colour of each line as an index into the palette; by default its place in the list. */
  readonly palette?: readonly number[];
  readonly stepSeconds: number;
  readonly window: RangeWindow;
  readonly format: (value: number | null) => string;
  readonly marks?: readonly Mark[];
  readonly zone: Zone;
  /** Changes whenever the colours do. */
  readonly themeKey: string;
  readonly onSelect: (from: number, to: number) => void;
  /** A point was clicked, or Enter pressed at it: start of its step, Unix ms. */
  readonly onPick?: ((at: number) => void) | undefined;
  /** Said instead of an empty frame when no line has a value. */
  readonly empty: string;
  readonly note?: string | undefined;
  readonly testId: string;
}

const HEIGHT = 190;

/** A line chart with a legend that reads out the values under the (shared) cursor, or the newest ones. */
export function Chart(props: ChartProps) {
  const { lines, stepSeconds, window: shown } = props;
  const data = useMemo(() => alignLines(lines, stepSeconds, shown), [lines, stepSeconds, shown]);
  const isEmpty = data.ys.every((values) => values.every((value) => value === null));
  return (
    <figure class="chart card" data-testid={props.testId}>
      {isEmpty ? (
        <>
          <figcaption class="chart-head">
            <h3>{props.title}</h3>
          </figcaption>
          <p class="chart-empty">{props.empty}</p>
        </>
      ) : (
        <Plot {...props} data={data} />
      )}
    </figure>
  );
}

function Plot(props: ChartProps & { data: { xs: number[]; ys: (number | null)[][] } }) {
  const { data, lines, zone } = props;
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const latest = useRef(props);
  latest.current = props;
  const hiddenNow = useRef(hidden);
  hiddenNow.current = hidden;

  const palette = lines.map((_, index) => props.palette?.[index] ?? index);
  // Only what uPlot cannot change in place makes a new chart; data and window are read when drawing.
  const shape = [lines.map((line) => line.label).join('\u0000'), palette.join(), zone, props.themeKey].join('|');

  useLayoutEffect(() => {
    const element = host.current;
    if (!element) return;
    const options = chartOptions(
      {
        colors: readColors(),
        palette,
        zone,
        formatAxis: (value) => trimZeros(latest.current.format(value)),
        window: () => latest.current.window,
        marks: () => latest.current.marks ?? [],
        onCursor: setCursor,
        onSelect: (from, to) => latest.current.onSelect(from, to),
      },
      Math.max(200, element.clientWidth),
      HEIGHT,
    );
    const chart = new uPlot(options, [latest.current.data.xs, ...latest.current.data.ys], element);
    plot.current = chart;
    latest.current.lines.forEach(({ label }, index) => {
      if (hiddenNow.current.has(label)) chart.setSeries(index + 1, { show: false });
    });
    const observer = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== chart.width) chart.setSize({ width, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData([data.xs, ...data.ys]);
  }, [data]);

  const toggle = (label: string, index: number) => {
    const next = new Set(hidden);
    if (!next.delete(label)) next.add(label);
    setHidden(next);
    plot.current?.setSeries(index + 1, { show: !next.has(label) });
  };

  /** Where the pointer went down: what ends elsewhere was a drag, which selects. */
  const pressedAt = useRef(0);
  const pick = () => {
    const seconds = cursor === null ? undefined : data.xs[cursor];
    if (seconds !== undefined) props.onPick?.(seconds * 1000);
  };

  const moveCursor = (event: KeyboardEvent) => {
    const chart = plot.current;
    const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
    if (event.key === 'Enter') pick();
    if (!chart || step === 0) return;
    event.preventDefault();
    const index = Math.min(data.xs.length - 1, Math.max(0, (cursor ?? data.xs.length) + step));
    setSharedCursor(chart, index);
  };

  const at = cursor === null ? undefined : data.xs[cursor];
  const readAt = at === undefined ? 'latest' : timeText(zone).dateMinute(at * 1000);
  const readings = data.ys.map((values) =>
    cursor === null ? (values.findLast((value) => value !== null) ?? null) : (values[cursor] ?? null),
  );
  const summary = lines.map((line, index) => `${line.label} ${props.format(readings[index] ?? null)}`).join(', ');
  return (
    <>
      <figcaption class="chart-head">
        <h3>{props.title}</h3>
        <span class="chart-unit">{props.unit}</span>
        <span class="chart-time">{readAt}</span>
      </figcaption>
      <div
        ref={host}
        class={`chart-plot${props.onPick ? ' pickable' : ''}`}
        role="slider"
        tabIndex={0}
        aria-label={props.title}
        aria-valuemin={0}
        aria-valuemax={data.xs.length - 1}
        aria-valuenow={cursor ?? data.xs.length - 1}
        aria-valuetext={`${readAt}: ${summary}`}
        onKeyDown={moveCursor}
        onPointerDown={(event) => {
          pressedAt.current = event.clientX;
        }}
        onClick={(event) => {
          if (Math.abs(event.clientX - pressedAt.current) < 4) pick();
        }}
        onBlur={() => plot.current && setSharedCursor(plot.current, null)}
      />
      <ul class="legend">
        {lines.map((line, index) => (
          <li key={line.label}>
            <button
              type="button"
              class="legend-item"
              aria-pressed={!hidden.has(line.label)}
              title={line.label}
              onClick={() => toggle(line.label, index)}
              onMouseEnter={() => plot.current?.setSeries(index + 1, { focus: true })}
              onMouseLeave={() => plot.current?.setSeries(null, { focus: true })}
            >
              <span class={`swatch series-${((palette[index] ?? 0) % 8) + 1}`} />
              <span class="legend-label">{line.label}</span>
              <span class="legend-value">{props.format(readings[index] ?? null)}</span>
            </button>
          </li>
        ))}
      </ul>
      {props.note && <p class="chart-note">{props.note}</p>}
    </>
  );
}
