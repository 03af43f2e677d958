import { TextField } from './form.tsx';
import type { FieldBinding } from './use-form.ts';

const SECRET_BYTES = 32;

/** A signing secret as Standard Webhooks wants it. */
function newSigningSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

/** What a webhook's receiver checks signatures with. It is typed or made here, and never shown again. */
export function SigningSecretField(props: { field: FieldBinding }) {
  const { field } = props;
  return (
    <div class="secret-field full">
      <TextField
        field={field}
        label="Signing secret"
        placeholder="whsec_…"
        hint="Give the same to the receiver, which checks signatures with it. It is not shown again."
      />
      <button type="button" class="button small" onClick={() => field.set(newSigningSecret())}>
        Make one
      </button>
    </div>
  );
}
