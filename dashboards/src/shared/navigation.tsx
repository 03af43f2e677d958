import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export interface Address {
  readonly path: string;
  readonly query: URLSearchParams;
}

const listeners = new Set<() => void>();

function readAddress(): Address {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

/** Goes to `href` without reloading. `replace` for what is no step to come back to, such as typing a search. */
export function navigate(href: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, '', href);
  else history.pushState(null, '', href);
  for (const listener of listeners) listener();
}

/** The present address; renders again whenever it changes. */
export function useAddress(): Address {
  const [address, setAddress] = useState(readAddress);
  useEffect(() => {
    const update = () => setAddress(readAddress());
    listeners.add(update);
    window.addEventListener('popstate', update);
    return () => {
      listeners.delete(update);
      window.removeEventListener('popstate', update);
    };
  }, []);
  return address;
}

export function Link(props: {
  href: string;
  children: ComponentChildren;
  class?: string;
  title?: string;
  /** `within`: the page that is open stands below this one. */
  current?: boolean | 'within';
}) {
  const onClick = (event: MouseEvent) => {
    // Whoever holds a key or uses another button wants a new tab: that stays the browser's business.
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(props.href);
    window.scrollTo(0, 0);
  };
  return (
    <a
      href={props.href}
      class={props.class}
      title={props.title}
      aria-current={props.current === 'within' ? 'true' : props.current ? 'page' : undefined}
      onClick={onClick}
    >
      {props.children}
    </a>
  );
}
