import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { FormValues } from './form-problems.ts';
import type { FieldBinding, FormState } from './use-form.ts';

interface FieldLook {
  readonly label: string;
  readonly hint?: ComponentChildren;
  /** Over the whole width of a form in two columns. */
  readonly full?: boolean;
}

/** A control with its label, its hint and what is wrong with it, all of which assistive technology finds. */
function Field(
  props: FieldLook & {
    problem: string | undefined;
    children: (ids: {
      id: string;
      'aria-describedby': string | undefined;
      'aria-invalid': boolean;
    }) => ComponentChildren;
  },
) {
  const id = useId();
  const { problem, hint } = props;
  const described = [hint === undefined ? '' : `${id}-hint`, problem === undefined ? '' : `${id}-problem`];
  return (
    <div class={`field${props.full ? ' full' : ''}`}>
      <label class="field-label" for={id}>
        {props.label}
      </label>
      {props.children({
        id,
        'aria-describedby': described.filter((name) => name !== '').join(' ') || undefined,
        'aria-invalid': problem !== undefined,
      })}
      {problem !== undefined && (
        <span class="field-problem" id={`${id}-problem`}>
          {problem}
        </span>
      )}
      {hint !== undefined && (
        <span class="field-hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

type Bound = FieldLook & { readonly field: FieldBinding };

const textOf = (field: FieldBinding) => String(field.value);

type TextKind = 'text' | 'decimal' | 'numeric' | 'email' | 'url' | 'secret' | 'month' | 'datetime-local';

/** One line of text. `kind="secret"` never shows what is typed and is not remembered by the browser. */
export function TextField(
  props: Bound & {
    placeholder?: string;
    kind?: TextKind;
    /** Offered while typing, from which others may differ. */
    suggestions?: readonly string[];
    maxLength?: number;
  },
) {
  const { field, kind = 'text', suggestions = [] } = props;
  const listId = useId();
  const common = {
    name: field.name,
    placeholder: props.placeholder,
    maxLength: props.maxLength,
    spellcheck: false,
    value: textOf(field),
    onInput: (event: { currentTarget: HTMLInputElement }) => field.set(event.currentTarget.value),
  };
  return (
    <Field {...props} problem={field.problem}>
      {(ids) => {
        if (kind === 'secret') return <input {...ids} {...common} type="password" autoComplete="new-password" />;
        if (kind === 'month' || kind === 'datetime-local') return <input {...ids} {...common} type={kind} />;
        if (suggestions.length === 0) {
          return <input {...ids} {...common} type="text" inputMode={kind} autoComplete="off" />;
        }
        return (
          <>
            <input {...ids} {...common} type="text" list={listId} autoComplete="off" />
            <datalist id={listId}>
              {suggestions.map((text) => (
                <option key={text} value={text} />
              ))}
            </datalist>
          </>
        );
      }}
    </Field>
  );
}

export function AreaField(props: Bound & { rows?: number; mono?: boolean; placeholder?: string }) {
  const { field } = props;
  return (
    <Field {...props} full problem={field.problem}>
      {(ids) => (
        <textarea
          {...ids}
          name={field.name}
          class={props.mono ? 'mono' : undefined}
          rows={props.rows ?? 4}
          spellcheck={false}
          placeholder={props.placeholder}
          value={textOf(field)}
          onInput={(event) => field.set(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** A choice of few. Options are texts that say themselves, or pairs of value and text. */
export function SelectField(props: Bound & { options: readonly (string | readonly [string, string])[] }) {
  const { field } = props;
  return (
    <Field {...props} problem={field.problem}>
      {(ids) => (
        <select
          {...ids}
          name={field.name}
          value={textOf(field)}
          onChange={(event) => field.set(event.currentTarget.value)}
        >
          {props.options.map((option) => {
            const [value, label] = typeof option === 'string' ? [option, option] : option;
            return (
              <option key={value} value={value}>
                {label}
              </option>
            );
          })}
        </select>
      )}
    </Field>
  );
}

export function CheckField(props: { field: FieldBinding; label: ComponentChildren }) {
  const { field } = props;
  return (
    <label class="check-field">
      <input
        type="checkbox"
        name={field.name}
        checked={field.value === true}
        onChange={(event) => field.set(event.currentTarget.checked)}
      />
      <span>{props.label}</span>
    </label>
  );
}

/** What the server refused and no field is at fault for. */
export function FormProblem(props: { text: string | undefined }) {
  if (props.text === undefined) return null;
  return (
    <p class="form-problem" role="alert" data-testid="form-problem">
      {props.text}
    </p>
  );
}

interface FormProps<Values extends FormValues> {
  readonly form: FormState<Values>;
  readonly submitLabel: string;
  readonly children?: ComponentChildren;
  /** For what cannot be taken back. */
  readonly danger?: boolean;
  readonly disabled?: boolean;
  /** The page itself says what was refused. */
  readonly quietProblem?: boolean;
  readonly onCancel?: () => void;
}

/** Fields with their buttons. Enter sends; while it is being sent, the button says so and takes no second click. */
export function Form<Values extends FormValues>(props: FormProps<Values>) {
  const { form } = props;
  return (
    <form
      class="form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        form.submit();
      }}
    >
      {props.children}
      {props.quietProblem !== true && <FormProblem text={form.problem} />}
      <p class="dialog-actions">
        {props.onCancel && (
          <button type="button" class="button" onClick={props.onCancel}>
            Cancel
          </button>
        )}
        <button
          type="submit"
          class={`button ${props.danger ? 'danger' : 'primary'}`}
          disabled={props.disabled === true}
          aria-busy={form.sending}
        >
          {form.sending ? 'One moment …' : props.submitLabel}
        </button>
      </p>
    </form>
  );
}

/** A modal dialog: the keyboard stays in it, Escape closes it, and focus returns to where it was. */
export function Dialog(props: {
  title: string;
  testId?: string;
  wide?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class={`dialog${props.wide ? ' wide' : ''}`}
      aria-labelledby={id}
      data-testid={props.testId}
      onClose={props.onClose}
    >
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** {@link Form} in a {@link Dialog}. */
export function FormDialog<Values extends FormValues>(
  props: FormProps<Values> & { title: string; testId?: string; wide?: boolean; onCancel: () => void },
) {
  const { title, testId, wide, ...form } = props;
  return (
    <Dialog
      title={title}
      onClose={props.onCancel}
      {...(testId === undefined ? {} : { testId })}
      {...(wide === undefined ? {} : { wide })}
    >
      <Form {...form} />
    </Dialog>
  );
}
