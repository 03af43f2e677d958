import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from '../shared/api-client.ts';

export interface ActDialogProps {
  readonly title: string;
  readonly intro?: ComponentChildren;
  /** The fields, between the intro and the reason. */
  readonly children?: ComponentChildren;
  readonly reason: string;
  readonly onReason: (reason: string) => void;
  readonly reasonHint: string;
  /** What is wrong with the reason; shown once somebody has tried to send. */
  readonly reasonProblem: string | undefined;
  /** What will happen, and whom it affects, before anybody presses the button. */
  readonly preview: ComponentChildren;
  readonly submit: string;
  readonly isHarsh: boolean;
  /** Called with every attempt; undefined: the fields are not right yet, and say so themselves. */
  readonly send: () => Promise<unknown> | undefined;
  readonly onClose: () => void;
  readonly onDone: () => void;
  readonly testId: string;
  /** Starts the ids of its fields. */
  readonly id: string;
}

/** A modal form for what affects customers: says what will happen, wants a reason, shows the server's refusal in place. */
export function ActDialog(props: ActDialogProps) {
  const { id } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [sending, setSending] = useState(false);
  const [refused, setRefused] = useState<ApiError | undefined>();
  useEffect(() => dialog.current?.showModal(), []);

  const submit = async () => {
    if (sending) return;
    const under = props.send();
    if (under === undefined) return;
    setSending(true);
    setRefused(undefined);
    try {
      await under;
      props.onDone();
    } catch (thrown) {
      setRefused(thrown instanceof ApiError ? thrown : new ApiError(0, 'It could not be sent'));
      setSending(false);
    }
  };

  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={`${id}-title`}
      onClose={props.onClose}
      data-testid={props.testId}
    >
      <form
        method="dialog"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h2 id={`${id}-title`}>{props.title}</h2>
        {props.intro !== undefined && <p class="muted small">{props.intro}</p>}
        {props.children}
        <ActField id={`${id}-reason`} label="Reason" problem={props.reasonProblem}>
          <input
            id={`${id}-reason`}
            aria-describedby={`${id}-reason-problem`}
            type="text"
            maxLength={500}
            value={props.reason}
            placeholder={props.reasonHint}
            aria-invalid={props.reasonProblem !== undefined}
            onInput={(event) => props.onReason(event.currentTarget.value)}
          />
        </ActField>
        <div class="preview" aria-live="polite" data-testid={`${id}-preview`}>
          {props.preview}
        </div>
        {refused && (
          <p class="bad-text" role="alert">
            {refused.message} {refused.problem?.hint}
          </p>
        )}
        <p class="dialog-actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class={`button ${props.isHarsh ? 'danger' : 'primary'}`} disabled={sending}>
            {props.submit}
          </button>
        </p>
      </form>
    </dialog>
  );
}

export function ActField(props: {
  id: string;
  label: string;
  problem?: string | undefined;
  children: ComponentChildren;
}) {
  return (
    <div class="field">
      <label class="field-label" for={props.id}>
        {props.label}
      </label>
      {props.children}
      {props.problem && (
        <span class="field-problem" id={`${props.id}-problem`}>
          {props.problem}
        </span>
      )}
    </div>
  );
}

export function SelectField(props: {
  id: string;
  label: string;
  value: string;
  options: readonly (readonly [value: string, label: string])[];
  onChange: (value: string) => void;
}) {
  return (
    <ActField id={props.id} label={props.label}>
      <select id={props.id} value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.options.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </ActField>
  );
}
