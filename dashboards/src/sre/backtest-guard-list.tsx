import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

/** A list of what people said, with the button that adds to it. */
export function GuardList(props: {
  title: string;
  about: string;
  empty: string;
  count: number;
  testId: string;
  mayAct: boolean;
  dialog: (close: () => void) => ComponentChildren;
  children: ComponentChildren;
}) {
  const [open, setOpen] = useState(false);
  return (
    <section class="card list" aria-label={props.title} data-testid={props.testId}>
      <header class="section-head">
        <h2>{props.title}</h2>
        {props.mayAct && (
          <button
            type="button"
            class="button small"
            aria-label={`Add to ${props.title.toLowerCase()}`}
            onClick={() => setOpen(true)}
          >
            Add …
          </button>
        )}
      </header>
      <p class="muted small">{props.about}</p>
      {props.count === 0 ? <p class="muted">{props.empty}</p> : <ul>{props.children}</ul>}
      {open && props.dialog(() => setOpen(false))}
    </section>
  );
}
