import type { ComponentChildren } from 'preact';

/** One figure with its name; `sub` says what it covers or what is wrong with it. */
export function Tile(props: {
  label: string;
  value: ComponentChildren;
  sub?: ComponentChildren;
  tone?: 'warn' | 'bad';
  title?: string;
  testId?: string;
}) {
  return (
    <div class={`tile card${props.tone ? ` ${props.tone}` : ''}`} title={props.title} data-testid={props.testId}>
      <dt>{props.label}</dt>
      <dd class="tile-value">{props.value}</dd>
      {props.sub !== undefined && <dd class="tile-sub">{props.sub}</dd>}
    </div>
  );
}
