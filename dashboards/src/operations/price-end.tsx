import { useState } from 'preact/hooks';
import type { PriceItem } from '../../../src/api/prices-contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { useForm } from '../shared/use-form.ts';
import { endPrice, type PriceOwner } from './price-api.ts';
import { nextHour, subjectText, termsText } from './price-text.ts';

interface EndProps {
  readonly owner: PriceOwner;
  readonly price: PriceItem;
  readonly onDone: () => void;
}

/** Ends a price, or takes it out as if it had never been. Both are kept with the reason. */
export function EndPriceButton(props: EndProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        class="button small danger-quiet"
        aria-label={`End the ${subjectText(props.price)} price of ${props.price.model}`}
        onClick={() => setOpen(true)}
      >
        End …
      </button>
      {open && <EndForm {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function EndForm(props: EndProps & { onClose: () => void }) {
  const { price, owner } = props;
  const form = useForm({
    initial: { when: 'now', reason: '' },
    check: ({ reason }) => (reason.trim() === '' ? { reason: 'Say why: it is kept with the version.' } : {}),
    send: ({ when, reason }) =>
      endPrice(owner, price.id, {
        effectiveTo: when === 'now' ? nextHour(serverNow()) : undefined,
        reason: reason.trim(),
      }),
    onSent: () => {
      props.onClose();
      props.onDone();
    },
  });
  return (
    <FormDialog
      form={form}
      title={`End a price of ${price.model}?`}
      submitLabel="End it"
      danger
      onCancel={props.onClose}
    >
      <p>
        {subjectText(price)}: {termsText(price)}
      </p>
      <SelectField
        field={form.field('when')}
        label="When"
        options={[
          ['now', 'From the next whole hour on'],
          ['never', 'As if it had never been'],
        ]}
      />
      <p class="muted small">
        Open months follow at once. Closed months keep their figures until a repricing is applied, which adds correction
        lines.
      </p>
      <TextField field={form.field('reason')} label="Reason" maxLength={500} />
    </FormDialog>
  );
}
