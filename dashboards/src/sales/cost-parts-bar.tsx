import { formatAmount } from '../shared/money.ts';
import { barPieces, type PartTotal } from './cost-rows.ts';

/** A tenant's parts in one line, as long as its cost is beside the largest. */
export function PartsBar(props: {
  parts: Readonly<Record<string, number>>;
  longest: number;
  colours: ReadonlyMap<string, number>;
  currency: string;
}) {
  const { colours, currency } = props;
  const pieces = barPieces(props.parts, props.longest, colours);
  const label = pieces.map(({ part, micro }) => `${part} ${formatAmount(micro, currency)}`).join(', ');
  return (
    <span class="parts-bar" role="img" aria-label={label === '' ? 'No cost' : label} title={label}>
      {pieces.map(({ part, width }) => (
        <span key={part} class={`part-${colours.get(part) ?? 8}`} style={{ width: `${width}%` }} />
      ))}
    </span>
  );
}

/** Which colour is which part, and what each comes to. */
export function PartsLegend(props: {
  totals: readonly PartTotal[];
  colours: ReadonlyMap<string, number>;
  currency: string;
}) {
  return (
    <ul class="parts-legend" data-testid="parts-legend">
      {props.totals.map(({ part, micro }) => (
        <li key={part}>
          <span class={`swatch part-${props.colours.get(part) ?? 8}`} aria-hidden="true" />
          {part} <span class="muted">{formatAmount(micro, props.currency)}</span>
        </li>
      ))}
    </ul>
  );
}
