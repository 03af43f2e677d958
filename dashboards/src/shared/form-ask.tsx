import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { FormDialog, TextField } from './form.tsx';
import { useForm } from './use-form.ts';

/**
 * A button that asks before it acts: says in `children` whom it affects, wants a reason where `reason` is set, and
 * shows the server's refusal in place.
 */
export function AskButton(props: {
  label: string;
  /** Said by screen readers, where the same label stands in many rows. */
  about?: string;
  title: string;
  /** On the button that acts. */
  action: string;
  danger?: boolean;
  /** Asks for a reason and hands it to `onConfirm`. */
  reason?: string;
  class?: string;
  testId?: string;
  children: ComponentChildren;
  onConfirm: (reason: string) => Promise<unknown>;
  onDone: () => void;
}) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        class={props.class ?? 'button small'}
        aria-label={props.about === undefined ? undefined : `${props.label} ${props.about}`}
        data-testid={props.testId}
        onClick={() => setOpen(true)}
      >
        {props.label}
      </button>
      {open && <Ask {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function Ask(props: Parameters<typeof AskButton>[0] & { onClose: () => void }) {
  const form = useForm({
    initial: { reason: '' },
    check: ({ reason }) =>
      props.reason !== undefined && reason.trim() === '' ? { reason: 'Say why: it is kept with the change.' } : {},
    send: ({ reason }) => props.onConfirm(reason.trim()),
    onSent: () => {
      props.onClose();
      props.onDone();
    },
  });
  return (
    <FormDialog
      form={form}
      title={props.title}
      submitLabel={props.action}
      danger={props.danger ?? false}
      testId="ask-dialog"
      onCancel={props.onClose}
    >
      <div class="ask-text">{props.children}</div>
      {props.reason !== undefined && (
        <TextField field={form.field('reason')} label="Reason" placeholder={props.reason} maxLength={500} />
      )}
    </FormDialog>
  );
}
