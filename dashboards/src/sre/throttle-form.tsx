import { createThrottle, serverNow } from '../shared/api-client.ts';
import { groupLabel } from '../shared/chart-data.ts';
import { FormDialog, SelectField, TextField } from '../shared/form.tsx';
import { formatShort } from '../shared/format.ts';
import { timeText, type Zone } from '../shared/time-format.ts';
import { useForm } from '../shared/use-form.ts';
import { impactOf, impactSentence, instancesSentence } from './act-impact.ts';
import { type ActFacts, useActFacts } from './act-use-facts.ts';
import { checkDraft, DURATIONS, previewSentence, startDraft, type ThrottleDraft } from './throttle-draft.ts';

/** The form in a modal dialog: says in a sentence what will happen, and whom it affects, before anybody presses the button. */
export function ThrottleForm(props: {
  tenantId: string;
  /** Requests a second; null: not known. */
  currentRate: number | null;
  zone: Zone;
  /** To start with; absent: enforce. */
  mode?: ThrottleDraft['mode'];
  onClose: () => void;
  onCreated: () => void;
}) {
  const { tenantId, currentRate } = props;
  const facts = useActFacts(tenantId);
  const form = useForm<ThrottleDraft, unknown>({
    initial: { ...startDraft(currentRate), mode: props.mode ?? 'enforce' },
    check: (draft) => {
      const check = checkDraft(draft, tenantId);
      return check.ok ? {} : check.problems;
    },
    send: async (draft) => {
      const check = checkDraft(draft, tenantId);
      if (check.ok) await createThrottle(check.throttle);
    },
    onSent: props.onCreated,
  });
  const draft = form.values;
  const isEnforced = draft.mode === 'enforce';
  return (
    <FormDialog
      form={form}
      title={`Throttle ${tenantId}`}
      submitLabel={isEnforced ? 'Throttle' : 'Start shadow throttle'}
      danger={isEnforced}
      testId="throttle-dialog"
      onCancel={props.onClose}
    >
      <p class="muted small">
        {currentRate === null
          ? 'Its present request rate is not known.'
          : `It sends ${formatShort(currentRate)} requests a second right now; half of that is filled in.`}
      </p>
      <div class="fields">
        <TextField field={form.field('rate')} label="Requests a second" kind="decimal" />
        <TextField field={form.field('burst')} label="Burst" kind="numeric" />
        <SelectField
          field={form.field('seconds')}
          label="For"
          options={DURATIONS.map(({ seconds, label }) => [String(seconds), label])}
        />
        <SelectField field={form.field('route')} label="On" options={[['', 'all routes'], ...routesOf(facts)]} />
        {facts.services.length > 1 && (
          <SelectField
            field={form.field('service')}
            label="Service"
            options={[['', 'all services'], ...facts.services]}
          />
        )}
      </div>
      <fieldset class="modes">
        <legend>Mode</legend>
        <Mode draft={draft} mode="enforce" onChange={form.change} about="refuses what exceeds the limit" />
        <Mode draft={draft} mode="shadow" onChange={form.change} about="only counts it" />
      </fieldset>
      <TextField
        field={form.field('reason')}
        label="Reason"
        placeholder="Import job floods /search, others wait"
        maxLength={500}
      />
      <div class="preview" aria-live="polite" data-testid="throttle-preview">
        <Preview draft={draft} tenantId={tenantId} facts={facts} zone={props.zone} />
      </div>
    </FormDialog>
  );
}

function routesOf({ byRoute }: ActFacts): string[] {
  return (byRoute?.series ?? []).map(({ group }) => groupLabel(group)).sort();
}

function Preview(props: { draft: ThrottleDraft; tenantId: string; facts: ActFacts; zone: Zone }) {
  const { draft, facts } = props;
  const now = serverNow();
  // The sentence needs the numbers only, so it is there before the reason is.
  const check = checkDraft({ ...draft, reason: 'preview' }, props.tenantId);
  if (!check.ok) return <p>The limit is not a number yet.</p>;
  const { requests_per_second: rate, burst } = check.throttle.limit;
  return (
    <>
      <p>{previewSentence(check.throttle, now, timeText(props.zone))}</p>
      {facts.byRoute !== undefined && (
        <p data-testid="throttle-impact">
          {impactSentence(impactOf({ byRoute: facts.byRoute, route: draft.route, rate, burst, now }), draft.mode)}
        </p>
      )}
      {facts.instances !== undefined && <p class="muted small">{instancesSentence(facts.instances, draft.service)}</p>}
    </>
  );
}

function Mode(props: {
  draft: ThrottleDraft;
  mode: ThrottleDraft['mode'];
  about: string;
  onChange: (part: Partial<ThrottleDraft>) => void;
}) {
  const { mode } = props;
  return (
    <label class="mode">
      <input type="radio" name="mode" checked={props.draft.mode === mode} onChange={() => props.onChange({ mode })} />
      <span>
        <strong>{mode === 'enforce' ? 'Enforce' : 'Shadow'}</strong> <span class="muted">{props.about}</span>
      </span>
    </label>
  );
}
