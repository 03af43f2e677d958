import { formatExact } from './format.ts';
import { sparkPath } from './spark-path.ts';

const WIDTH = 88;
const HEIGHT = 22;

/** A small line of counts, scaled from zero; the title tells its peak, because a line without an axis cannot. */
export function Sparkline(props: { values: readonly number[]; stepSeconds: number }) {
  const line = sparkPath(props.values, WIDTH, HEIGHT - 2);
  if (line === '') return <span class="muted">–</span>;
  const minutes = Math.round(props.stepSeconds / 60);
  const step = minutes >= 1 ? `${minutes} min` : `${props.stepSeconds} s`;
  const label = `Peak ${formatExact(Math.max(...props.values))} requests in ${step}`;
  return (
    <svg
      class="spark"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 -1 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      <path class="spark-area" d={`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} />
      <path class="spark-line" d={line} />
    </svg>
  );
}
