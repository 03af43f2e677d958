import { NO_VALUE } from '../shared/format.ts';
import { formatAmount } from '../shared/money.ts';
import { monthShort } from './cost-range.ts';

const BAR = 9;
const GAP = 3;
const HEIGHT = 22;

/** A bar for each month; a month of which nothing is known is a dot on the ground and not a bar of no height. */
export function MonthBars(props: { months: readonly string[]; values: readonly (number | null)[]; currency: string }) {
  const { months, values, currency } = props;
  const top = Math.max(...values.map((value) => value ?? 0), 0);
  if (top === 0) return <span class="muted">{NO_VALUE}</span>;
  const texts = months.map((month, index) => {
    const value = values[index] ?? null;
    return `${monthShort(month)} ${value === null ? 'not known' : formatAmount(value, currency)}`;
  });
  const label = texts.join(', ');
  const width = months.length * (BAR + GAP) - GAP;
  return (
    <svg
      class="month-bars"
      width={width}
      height={HEIGHT}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      {months.map((month, index) => {
        const value = values[index] ?? null;
        const x = index * (BAR + GAP);
        if (value === null) return <circle key={month} class="unknown" cx={x + BAR / 2} cy={HEIGHT - 2} r={1.5} />;
        const height = value <= 0 ? 1 : Math.max(1.5, (value / top) * HEIGHT);
        const isLast = index === months.length - 1;
        return (
          <rect
            key={month}
            class={isLast ? 'newest' : undefined}
            x={x}
            y={HEIGHT - height}
            width={BAR}
            height={height}
            rx={1.5}
          />
        );
      })}
    </svg>
  );
}
