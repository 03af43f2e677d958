import { useState } from 'preact/hooks';
import type { SignalItem } from '../../../src/api/signals-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { useForm } from '../shared/use-form.ts';
import { dismissSignal } from './upsell-api.ts';
import { SIGNAL_WORDS } from './upsell-evidence.ts';

const DAY_MS = 86_400_000;
const UNTIL = [
  ['always', 'As long as it lasts'],
  ['7', 'A week from now'],
  ['30', '30 days from now'],
  ['90', '90 days from now'],
] as const;

/** Puts one signal aside. It says until when, because a signal that is gone for good is seldom what is meant. */
export function DismissButton(props: { signal: SignalItem; onDone: () => void }) {
  const [open, setOpen] = useState(false);
  const { signal } = props;
  return (
    <>
      <button
        type="button"
        class="button small quiet"
        aria-label={`Put aside: ${signal.sentence}`}
        onClick={() => setOpen(true)}
      >
        Put aside …
      </button>
      {open && <DismissDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function DismissDialog(props: { signal: SignalItem; onDone: () => void; onClose: () => void }) {
  const { signal } = props;
  const form = useForm({
    initial: { reason: '', until: '30' },
    check: ({ reason }) => (reason.trim() === '' ? { reason: 'Say why: whoever looks next will ask.' } : {}),
    send: ({ reason, until }) => {
      const end = until === 'always' ? null : new Date(serverNow() + Number(until) * DAY_MS).toISOString();
      return dismissSignal(signal.id, reason.trim(), end);
    },
    onSent: () => {
      props.onClose();
      props.onDone();
    },
  });
  return (
    <FormDialog
      form={form}
      title={`Put aside: ${SIGNAL_WORDS[signal.kind]}, ${signal.tenant_id}`}
      submitLabel="Put aside"
      testId="dismiss-dialog"
      onCancel={props.onClose}
    >
      <p>{signal.sentence}.</p>
      <TextField field={form.field('reason')} label="Reason" placeholder="In talks since Monday" maxLength={500} full />
      <SelectField
        field={form.field('until')}
        label="Until"
        hint="Then it is back, if it still lasts."
        options={UNTIL}
        full
      />
    </FormDialog>
  );
}
