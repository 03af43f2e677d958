import type { BreakerItem, NewBreakerOrder } from '../../../src/api/contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { instancesSentence } from './act-impact.ts';
import { useActFacts } from './act-use-facts.ts';
import { orderBreaker } from './noisy-api.ts';
import { DURATIONS } from './throttle-draft.ts';

type State = NewBreakerOrder['state'];

const STATES: readonly (readonly [State, string])[] = [
  ['open', 'open: refuse every call'],
  ['closed', 'closed: let every call through'],
  ['auto', 'auto: let it judge by itself'],
];

const WHAT: Readonly<Record<State, { readonly sentence: string; readonly button: string }>> = {
  open: { sentence: 'every call is refused at once', button: 'Open the breaker' },
  closed: { sentence: 'every call goes through, however many fail', button: 'Close the breaker' },
  auto: { sentence: 'the breaker judges by itself, whatever was ordered before', button: 'Leave it to itself' },
};

const stateOf = (text: string): State => STATES.find(([state]) => state === text)?.[0] ?? 'open';

/** Forces the breaker of one tenant for one integration, for a while. */
export function BreakerForm(props: {
  tenantId: string;
  /** Of the tenant, as the server knows them; their integrations are offered. */
  known: readonly BreakerItem[];
  zone: Zone;
  onClose: () => void;
  onDone: () => void;
}) {
  const { tenantId, known } = props;
  const { instances } = useActFacts(tenantId);
  const form = useForm({
    initial: { integration: known[0]?.integration ?? '', state: 'open', seconds: '900', reason: '' },
    check: ({ integration, reason }) => ({
      ...(integration.trim() === '' ? { integration: 'As the app names it, such as stripe or webhook' } : {}),
      ...(reason.trim() === '' ? { reason: 'Say why: it is shown wherever this order appears' } : {}),
    }),
    send: ({ integration, state, seconds, reason }) =>
      orderBreaker({
        tenant_id: tenantId,
        integration: integration.trim(),
        state: stateOf(state),
        expires_in_seconds: Number(seconds),
        reason: reason.trim(),
      }),
    onSent: props.onDone,
  });
  const { integration, seconds } = form.values;
  const name = integration.trim();
  const state = stateOf(form.values.state);
  const lifeMs = Number(seconds) * 1_000;
  const item = known.find((one) => one.integration === name);
  return (
    <FormDialog
      form={form}
      title={`Circuit breaker of ${tenantId}`}
      submitLabel={WHAT[state].button}
      danger={state === 'open'}
      testId="breaker-dialog"
      onCancel={props.onClose}
    >
      <p class="muted small">An order holds for this tenant and one integration alone, and ends by itself.</p>
      <div class="fields">
        <TextField
          field={form.field('integration')}
          label="Integration"
          suggestions={known.map((one) => one.integration)}
          maxLength={64}
        />
        <SelectField
          field={form.field('seconds')}
          label="For"
          options={DURATIONS.map((one) => [String(one.seconds), one.label])}
        />
        <SelectField field={form.field('state')} label="State" options={STATES} />
      </div>
      <TextField
        field={form.field('reason')}
        label="Reason"
        placeholder="Its webhook times out and holds our workers"
        maxLength={500}
      />
      <div class="preview" aria-live="polite" data-testid="breaker-preview">
        <p>
          {name === ''
            ? 'Name the integration first.'
            : `${tenantId} to ${name}: ${WHAT[state].sentence}, until ${timeText(props.zone).minute(serverNow() + lifeMs)} (${formatSpan(lifeMs)}).`}
        </p>
        {item !== undefined && item.calls > 0 && (
          <p>
            {item.failures} of its {item.calls} latest calls failed.
          </p>
        )}
        {instances !== undefined && <p class="muted small">{instancesSentence(instances, '')}</p>}
      </div>
    </FormDialog>
  );
}
