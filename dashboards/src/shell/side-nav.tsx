import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Link } from '../shared/navigation.tsx';
import { pageHref } from '../shared/router.ts';
import { CloseIcon } from './icons.tsx';
import type { NavGroup } from './nav-entries.ts';

export interface NavProps {
  readonly groups: readonly NavGroup[];
  /** The page that is open, and the entry that it belongs to. */
  readonly pageId: string | undefined;
  readonly currentId: string | undefined;
  readonly query: URLSearchParams;
}

export function NavList(props: NavProps) {
  return (
    <nav aria-label="Pages" data-testid="nav">
      {props.groups.map(({ group, items }) => (
        <section key={group} class="nav-group">
          <p class="nav-group-label" id={`nav-${group}`}>
            {group}
          </p>
          <ul aria-labelledby={`nav-${group}`}>
            {items.map(({ id, path, label }) => (
              <li key={id}>
                <Link
                  href={pageHref(path, props.query)}
                  class="nav-link"
                  title={label}
                  current={id === props.pageId ? true : id === props.currentId ? 'within' : false}
                >
                  {label}
                </Link>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

/** The navigation on narrow screens: a modal dialog, so that the browser keeps the focus inside and Escape closes it. */
export function NavDrawer(props: { onClose: () => void; address: string; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const openedAt = useRef(props.address);
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // The backdrop is the dialog itself to the pointer; everything inside it is a child. Escape does it by keyboard.
    const onClick = (event: MouseEvent) => {
      if (event.target === element) element?.close();
    };
    element?.addEventListener('click', onClick);
    return () => element?.removeEventListener('click', onClick);
  }, []);
  useEffect(() => {
    if (props.address !== openedAt.current) dialog.current?.close();
  }, [props.address]);
  return (
    <dialog
      ref={dialog}
      id="nav-drawer"
      class="drawer"
      aria-label="Navigation"
      data-testid="nav-drawer"
      onClose={props.onClose}
    >
      <div class="drawer-body">
        <button
          type="button"
          class="button quiet icon-button drawer-close"
          aria-label="Close the navigation"
          onClick={() => dialog.current?.close()}
        >
          <CloseIcon />
        </button>
        {props.children}
      </div>
    </dialog>
  );
}
