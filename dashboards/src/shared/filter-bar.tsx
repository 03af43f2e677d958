import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import '../styles/filter-bar.css';
import { navigate } from './navigation.tsx';
import { withQuery } from './router.ts';

/** Writes one filter into the address; an empty one leaves no trace. The newest address is changed, not the rendered one. */
export function setFilter(name: string, value: string): void {
  const next = new URLSearchParams(location.search);
  if (value === '') next.delete(name);
  else next.set(name, value);
  navigate(withQuery(location.pathname, next), { replace: true });
}

/** Narrows the lists of a page; what is chosen is in the address. */
export function FilterBar(props: { children: ComponentChildren }) {
  return <search class="filter-bar">{props.children}</search>;
}

export function FilterText(props: { name: string; label: string; value: string }) {
  // Typing must not wait for the address: what is typed is the field's own until it is cleared from outside.
  const typed = useRef(props.value);
  const shown = typed.current.trim() === props.value ? typed.current : props.value;
  return (
    <input
      type="search"
      class="filter-text"
      aria-label={props.label}
      placeholder={props.label}
      value={shown}
      onInput={(event) => {
        typed.current = event.currentTarget.value;
        setFilter(props.name, event.currentTarget.value.trim());
      }}
    />
  );
}

/** One of some values, or all. Options are pairs of value and text. */
export function FilterChoice(props: {
  name: string;
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
}) {
  const { name, value, options } = props;
  // A link may name what nothing has any more: it stays visible, so that one sees why nothing is shown.
  const isKnown = value === '' || options.some(([option]) => option === value);
  return (
    <select
      class="filter-choice"
      aria-label={props.label}
      name={name}
      value={value}
      data-testid={`filter-${name}`}
      onChange={(event) => setFilter(name, event.currentTarget.value)}
    >
      <option value="">{`${props.label}: all`}</option>
      {!isKnown && <option value={value}>{value}</option>}
      {options.map(([option, text]) => (
        <option key={option} value={option}>
          {text}
        </option>
      ))}
    </select>
  );
}
