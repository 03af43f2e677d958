import type { ComponentChildren } from 'preact';
import { navigate } from '../shared/navigation.tsx';

/** A link that chooses something on the page it stands on: the address changes, the view stays where it is. In SVG too. */
export function ChooseLink(props: { href: string; class?: string; label?: string; children: ComponentChildren }) {
  const onClick = (event: MouseEvent) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(props.href, { replace: true });
  };
  return (
    <a href={props.href} class={props.class} aria-label={props.label} onClick={onClick}>
      {props.children}
    </a>
  );
}
