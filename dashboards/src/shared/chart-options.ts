import uPlot from 'uplot';
import { isolatedIndexes } from './chart-data.ts';
import { timeText, type Zone } from './time-format.ts';
import type { RangeWindow } from './time-range.ts';

/** A stretch of time that is shaded behind the lines, such as a throttle's life. Unix milliseconds. */
export interface Mark {
  readonly from: number;
  readonly to: number;
  /** A deploy is a moment: a line where it begins. */
  readonly kind: 'enforce' | 'shadow' | 'anomaly' | 'deploy';
}

export interface ChartColors {
  readonly series: readonly string[];
  readonly grid: string;
  readonly text: string;
  readonly marks: Readonly<Record<Mark['kind'], string>>;
}

/** A canvas knows no CSS variables, so each is resolved through an element that has it as its colour. */
export function readColors(): ChartColors {
  const probe = document.createElement('span');
  document.body.append(probe);
  const resolve = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const colors: ChartColors = {
    series: Array.from({ length: 8 }, (_, index) => resolve(`--series-${index + 1}`)),
    grid: resolve('--grid'),
    text: resolve('--text-muted'),
    marks: {
      enforce: resolve('--mark-enforce'),
      shadow: resolve('--mark-shadow'),
      anomaly: resolve('--mark-anomaly'),
      deploy: resolve('--mark-deploy'),
    },
  };
  probe.remove();
  return colors;
}

export interface ChartInputs {
  readonly colors: ChartColors;
  /** One colour per line: an index into the palette. */
  readonly palette: readonly number[];
  readonly zone: Zone;
  readonly formatAxis: (value: number) => string;
  /** Read when drawing, so that new data needs no new chart. */
  readonly window: () => RangeWindow;
  readonly marks: () => readonly Mark[];
  readonly onCursor: (index: number | null) => void;
  readonly onSelect: (from: number, to: number) => void;
}

/** Charts of one page share their cursor under this name. */
const SYNC_KEY = 'tenantry';

/** Puts the cursor of all charts at an index of `plot`; null takes it away. */
export function setSharedCursor(plot: uPlot, index: number | null): void {
  const time = index === null ? undefined : plot.data[0]?.[index];
  for (const each of uPlot.sync(SYNC_KEY).plots) {
    each.setCursor(time === undefined ? { left: -10, top: -10 } : { left: each.valToPos(time, 'x'), top: 10 });
  }
}

const FONT = '11px Inter, ui-sans-serif, system-ui, sans-serif';

function drawMoment(plot: uPlot, at: number, color: string): void {
  const { ctx, bbox } = plot;
  const x = plot.valToPos(at / 1000, 'x', true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function drawMarks(plot: uPlot, marks: readonly Mark[], colors: ChartColors): void {
  const { ctx, bbox } = plot;
  for (const mark of marks) {
    if (mark.kind === 'deploy') {
      drawMoment(plot, mark.from, colors.marks.deploy);
      continue;
    }
    const left = Math.max(bbox.left, plot.valToPos(mark.from / 1000, 'x', true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(mark.to / 1000, 'x', true));
    if (right <= left) continue;
    ctx.save();
    ctx.fillStyle = colors.marks[mark.kind];
    ctx.globalAlpha = 0.08;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.globalAlpha = 0.9;
    ctx.fillRect(left, bbox.top, right - left, 2 * devicePixelRatio);
    ctx.restore();
  }
}

function xLabels(zone: Zone) {
  const clock = timeText(zone);
  return (_: uPlot, splits: number[], __: number, ___: number, step: number) =>
    splits.map((seconds) =>
      step >= 12 * 3600 ? clock.dateMinute(seconds * 1000).slice(0, -6) : clock.minute(seconds * 1000),
    );
}

function seriesOptions(inputs: ChartInputs): uPlot.Series[] {
  return inputs.palette.map((color) => ({
    stroke: inputs.colors.series[color % inputs.colors.series.length] ?? inputs.colors.text,
    width: 1.5,
    spanGaps: false,
    points: { size: 4, filter: (plot, index) => isolatedIndexes(Array.from(plot.data[index] ?? [])) },
  }));
}

/** Options of one chart. Labels never pass through uPlot (its legend is off): they are rendered as text beside it. */
export function chartOptions(inputs: ChartInputs, width: number, height: number): uPlot.Options {
  const { colors, zone } = inputs;
  const axis = { stroke: colors.text, font: FONT, ticks: { show: false } };
  return {
    width,
    height,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    // Pointing at a legend entry dims the other lines; without a proximity the cursor itself never does.
    focus: { alpha: 0.2 },
    ...(zone === 'local' ? {} : { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), zone) }),
    cursor: {
      y: false,
      // Only the pointer's place is shared: a selection made in one chart must not be made in all of them.
      sync: { key: SYNC_KEY, filters: { pub: (type) => type === 'mousemove', sub: () => true } },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
    },
    scales: {
      x: { range: () => [inputs.window().from / 1000, inputs.window().to / 1000] },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, values: xLabels(zone), space: 64, size: 28 },
      {
        ...axis,
        grid: { stroke: colors.grid, width: 1 },
        values: (_, splits) => splits.map((value) => inputs.formatAxis(value)),
        space: 36,
        size: 58,
      },
    ],
    series: [{}, ...seriesOptions(inputs)],
    hooks: {
      drawClear: [(plot) => drawMarks(plot, inputs.marks(), colors)],
      setCursor: [(plot) => inputs.onCursor(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width: selected } = plot.select;
          if (selected < 4) return;
          inputs.onSelect(plot.posToVal(left, 'x') * 1000, plot.posToVal(left + selected, 'x') * 1000);
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}
