/**
 * SVG path of a sparkline in a box of `width` x `height`, scaled from zero so that a flat line at 1,000 does not look
 * like silence. Empty for fewer than two values.
 */
export function sparkPath(values: readonly number[], width: number, height: number): string {
  if (values.length < 2) return '';
  const top = Math.max(...values, 1);
  const stepX = width / (values.length - 1);
  return values
    .map((value, index) => {
      const x = round(index * stepX);
      const y = round(height - (Math.max(0, value) / top) * height);
      return `${index === 0 ? 'M' : 'L'}${x} ${y}`;
    })
    .join('');
}

const round = (value: number) => Math.round(value * 10) / 10;
