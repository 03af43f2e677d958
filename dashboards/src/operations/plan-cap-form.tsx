import { send } from '../shared/api-client.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { parseAmount } from '../shared/money.ts';
import { useForm } from '../shared/use-form.ts';

/** A cap on what AI may cost each tenant of a plan, in the place of one for the same period, key and model. */
export function PlanCapForm(props: { plan: string; onClose: () => void; onSaved: () => void }) {
  const form = useForm({
    initial: { amount_micro: '', period: 'month', model: '', on_unpriced: 'allow' },
    check: ({ amount_micro: amount }): Record<string, string> =>
      parseAmount(amount) === undefined ? { amount_micro: 'An amount such as 50.00; 0 switches AI off.' } : {},
    send: ({ amount_micro: amount, period, model, on_unpriced }) =>
      send('PUT', `/v1/plan-caps/${encodeURIComponent(props.plan)}`, {
        ...{ period, amount_micro: parseAmount(amount), currency: 'USD', on_unpriced },
        ...(model.trim() === '' ? {} : { model: model.trim() }),
      }),
    onSent: props.onSaved,
  });
  return (
    <FormDialog
      form={form}
      title={`AI cap of ${props.plan}`}
      submitLabel="Set the cap"
      testId="cap-dialog"
      onCancel={props.onClose}
    >
      <p class="muted">
        For each tenant of the plan that has no cap of its own. Warns at 70 %, answers from the cache only at 90 %,
        blocks at 100 %.
      </p>
      <div class="fields">
        <TextField field={form.field('amount_micro')} kind="decimal" label="US dollars" placeholder="50.00" />
        <SelectField
          field={form.field('period')}
          label="A"
          options={[
            ['month', 'Month'],
            ['day', 'Day'],
          ]}
        />
        <TextField field={form.field('model')} label="Only for model" placeholder="every model" maxLength={200} />
        <SelectField
          field={form.field('on_unpriced')}
          label="Models without a price"
          options={[
            ['allow', 'Are let through'],
            ['refuse', 'Are refused'],
          ]}
        />
      </div>
    </FormDialog>
  );
}
