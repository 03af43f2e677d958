import type { FlagInstanceList } from '../../../src/api/contract.ts';
import { get } from '../shared/api-client.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { useForm } from '../shared/use-form.ts';
import { useLive } from '../shared/use-live.ts';
import { changeState } from './lifecycle-api.ts';
import type { LifecycleRow } from './lifecycle-model.ts';
import { EFFECT_WORDS, REASON_WORDS, type StateChange, stateEffects } from './lifecycle-state-text.ts';

const TITLES: Readonly<Record<StateChange, (name: string) => string>> = {
  suspend: (name) => `Suspend ${name}`,
  resume: (name) => `Resume ${name}`,
  close: (name) => `Close ${name}`,
  reopen: (name) => `Reopen ${name}`,
};
const LABELS: Readonly<Record<StateChange, string>> = {
  ...{ suspend: 'Suspend', resume: 'End the suspension', close: 'Close the customer', reopen: 'Reopen' },
};

/** How many app instances would hear of a change; undefined while it is not known, or for who may not ask. */
function useApps(): number | undefined {
  const live = useLive('flag instances', (signal) => get<FlagInstanceList>('/v1/flags/instances', {}, signal), null);
  return live.data?.items.filter(({ live: isLive }) => isLive).length;
}

/** Asks for a reason, says before what the change does, and decides on top of the state that is shown. */
export function StateDialog(props: {
  change: StateChange;
  row: LifecycleRow;
  onClose: () => void;
  onDone: () => void;
}) {
  const { change, row } = props;
  const { tenant } = row;
  const before = tenant.status === 'suspended' ? tenant.state : null;
  const isSuspension = change === 'suspend';
  const apps = useApps();
  const form = useForm({
    initial: {
      reason_code: before?.reason_code ?? 'payment',
      effect: before?.effect ?? 'refuse',
      until: before?.until?.slice(0, 16) ?? '',
      reason: isSuspension ? (before?.reason ?? '') : '',
    },
    check: ({ reason }) => (reason.trim() === '' ? { reason: 'Say why: it is kept with the change.' } : {}),
    send: ({ reason_code, effect, until, reason }) =>
      changeState(tenant.tenant_id, change, {
        ...(isSuspension ? { reason_code, effect, ...(until === '' ? {} : { until: `${until}:00Z` }) } : {}),
        ...{ reason: reason.trim(), version: tenant.state?.version ?? 0 },
      }),
    onSent: props.onDone,
  });
  const { effect, until } = form.values;
  return (
    <FormDialog
      form={form}
      title={TITLES[change](tenant.tenant_id)}
      submitLabel={isSuspension && before !== null ? 'Change the suspension' : LABELS[change]}
      danger={change === 'suspend' || change === 'close'}
      testId="state-dialog"
      onCancel={props.onClose}
    >
      {isSuspension && (
        <div class="fields">
          <SelectField field={form.field('effect')} label="What it does" options={Object.entries(EFFECT_WORDS)} />
          <SelectField
            field={form.field('reason_code')}
            label="What its people are told"
            options={Object.entries(REASON_WORDS)}
          />
          <TextField
            field={form.field('until')}
            kind="datetime-local"
            label="Ends by itself, UTC"
            hint="Empty: somebody ends it."
          />
        </div>
      )}
      <TextField
        field={form.field('reason')}
        label="Reason"
        maxLength={500}
        hint="For your own people; the customer does not see it."
        full
      />
      <ul class="preview life-effects" data-testid="effects">
        {stateEffects(change, { effect: String(effect), until: String(until), apps }).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </FormDialog>
  );
}
