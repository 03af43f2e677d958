import { formatShort } from '../shared/format.ts';
import type { WeekBar } from './sheet-model.ts';

const HEIGHT = 56;
const STEP = 20;
const BAR = 14;
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** A bar a week. Weeks without a measurement have none: that is not zero. */
export function WeekChart(props: { weeks: readonly WeekBar[]; label: string }) {
  const { weeks } = props;
  const width = weeks.length * STEP;
  const known = weeks.filter(({ value }) => value !== null);
  const text = known.map(({ from, value }) => `week of ${day.format(from)}: ${formatShort(value)}`).join(', ');
  return (
    <svg
      class="weeks"
      viewBox={`0 0 ${width} ${HEIGHT + 14}`}
      role="img"
      aria-label={`${props.label} by week. ${text === '' ? 'Nothing was measured' : text}`}
    >
      <line class="weeks-base" x1={0} x2={width} y1={HEIGHT + 0.5} y2={HEIGHT + 0.5} />
      {weeks.map(({ from, value, ratio, isRunning }, index) => {
        const height = value === null ? 0 : Math.max(1, ratio * (HEIGHT - 4));
        return (
          <g key={from}>
            {value !== null && (
              <rect
                class={`weeks-bar${isRunning ? ' running' : ''}`}
                x={index * STEP + (STEP - BAR) / 2}
                y={HEIGHT - height}
                width={BAR}
                height={height}
                rx={1.5}
              >
                <title>{`Week of ${day.format(from)}: ${formatShort(value)}${isRunning ? ' so far' : ''}`}</title>
              </rect>
            )}
            {index % 4 === 0 && (
              <text class="weeks-label" x={index * STEP + 3} y={HEIGHT + 12}>
                {day.format(from)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}
