import type { NewDegradation } from '../../../src/api/contract.ts';
import { isDegradeFeature } from '../../../src/domain/spend.ts';
import { serverNow } from '../shared/api-client.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { instancesSentence } from './act-impact.ts';
import { useActFacts } from './act-use-facts.ts';
import { orderDegradation } from './noisy-api.ts';
import { DURATIONS } from './throttle-draft.ts';

type Step = NewDegradation['step'];

const STEPS: readonly (readonly [Step, string])[] = [
  ['warn', 'warn: tell the user, change nothing'],
  ['cached_only', 'cached only: stored answers'],
  ['blocked', 'blocked: no AI at all'],
];

const WHAT: Readonly<Record<Step, { readonly sentence: string; readonly button: string }>> = {
  warn: { sentence: 'apps may warn the user; calls go through', button: 'Warn' },
  cached_only: { sentence: 'apps answer from stored results and call no model', button: 'Stored answers only' },
  blocked: { sentence: 'every AI call is refused before it is made', button: 'Block AI' },
};

const stepOf = (text: string): Step => STEPS.find(([step]) => step === text)?.[0] ?? 'cached_only';

/** Takes AI, or a part of it, from one tenant for a while. */
export function DegradeForm(props: { tenantId: string; zone: Zone; onClose: () => void; onDone: () => void }) {
  const { tenantId } = props;
  const { instances } = useActFacts(tenantId);
  const form = useForm({
    initial: { feature: 'ai', step: 'cached_only', seconds: '900', reason: '' },
    check: ({ feature, reason }) => ({
      ...(isDegradeFeature(feature.trim()) ? {} : { feature: 'ai for all of it, or ai.key.<key>, ai.model.<model>' }),
      ...(reason.trim() === '' ? { reason: 'Say why: it is shown wherever this appears' } : {}),
    }),
    send: ({ feature, step, seconds, reason }) =>
      orderDegradation({
        tenant_id: tenantId,
        feature: feature.trim(),
        step: stepOf(step),
        expires_in_seconds: Number(seconds),
        reason: reason.trim(),
      }),
    onSent: props.onDone,
  });
  const feature = form.values.feature.trim();
  const step = stepOf(form.values.step);
  const lifeMs = Number(form.values.seconds) * 1_000;
  return (
    <FormDialog
      form={form}
      title={`Degrade AI of ${tenantId}`}
      submitLabel={WHAT[step].button}
      danger={step === 'blocked'}
      testId="degrade-dialog"
      onCancel={props.onClose}
    >
      <p class="muted small">
        It stands in the place of what a spend cap says, and ends by itself; the cap still refuses what goes beyond it.
      </p>
      <div class="fields">
        <TextField field={form.field('feature')} label="Feature" suggestions={['ai']} maxLength={420} />
        <SelectField
          field={form.field('seconds')}
          label="For"
          options={DURATIONS.map((one) => [String(one.seconds), one.label])}
        />
        <SelectField field={form.field('step')} label="Step" options={STEPS} />
      </div>
      <TextField
        field={form.field('reason')}
        label="Reason"
        placeholder="A script of theirs calls the model in a loop"
        maxLength={500}
      />
      <div class="preview" aria-live="polite" data-testid="degrade-preview">
        <p>
          {feature === 'ai' ? 'All AI' : feature} of {tenantId}: {WHAT[step].sentence}, until{' '}
          {timeText(props.zone).minute(serverNow() + lifeMs)} ({formatSpan(lifeMs)}).
        </p>
        {instances !== undefined && <p class="muted small">{instancesSentence(instances, '')}</p>}
      </div>
    </FormDialog>
  );
}
