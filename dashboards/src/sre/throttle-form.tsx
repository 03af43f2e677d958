import { useState } from 'preact/hooks';
import { createThrottle, serverNow } from '../shared/api-client.ts';
import { groupLabel } from '../shared/chart-data.ts';
import { formatShort } from '../shared/format.ts';
import { timeText, type Zone } from '../shared/time-format.ts';
import { ActDialog, ActField, SelectField } from './act-dialog.tsx';
import { impactOf, impactSentence, instancesSentence } from './act-impact.ts';
import { type ActFacts, useActFacts } from './act-use-impact.ts';
import { checkDraft, DURATIONS, previewSentence, startDraft, type ThrottleDraft } from './throttle-draft.ts';

export interface ThrottleFormProps {
  tenantId: string;
  /** Requests a second; null: not known. */
  currentRate: number | null;
  zone: Zone;
  /** What differs from the usual start, such as shadow mode. */
  start?: Partial<ThrottleDraft>;
  onClose: () => void;
  onCreated: () => void;
}

/** The form in a modal dialog: says in a sentence what will happen, and whom it affects, before anybody presses the button. */
export function ThrottleForm(props: ThrottleFormProps) {
  const { tenantId, currentRate } = props;
  const [draft, setDraft] = useState<ThrottleDraft>(() => ({ ...startDraft(currentRate), ...props.start }));
  const [tried, setTried] = useState(false);
  const facts = useActFacts(tenantId);
  const check = checkDraft(draft, tenantId);
  const problems = tried && !check.ok ? check.problems : {};
  const change = (part: Partial<ThrottleDraft>) => setDraft({ ...draft, ...part });

  return (
    <ActDialog
      id="throttle"
      testId="throttle-dialog"
      title={`Throttle ${tenantId}`}
      intro={
        currentRate === null
          ? 'Its present request rate is not known.'
          : `It sends ${formatShort(currentRate)} requests a second right now; half of that is filled in.`
      }
      reason={draft.reason}
      onReason={(reason) => change({ reason })}
      reasonHint="Import job floods /search, others wait"
      reasonProblem={problems.reason}
      preview={<Preview draft={draft} tenantId={tenantId} facts={facts} zone={props.zone} />}
      submit={draft.mode === 'enforce' ? 'Throttle' : 'Start shadow throttle'}
      isHarsh={draft.mode === 'enforce'}
      send={() => {
        setTried(true);
        return check.ok ? createThrottle(check.throttle) : undefined;
      }}
      onClose={props.onClose}
      onDone={props.onCreated}
    >
      <div class="fields">
        <NumberField
          id="throttle-rate"
          label="Requests a second"
          problem={problems.rate}
          mode="decimal"
          value={draft.rate}
          onChange={(rate) => change({ rate })}
        />
        <NumberField
          id="throttle-burst"
          label="Burst"
          problem={problems.burst}
          mode="numeric"
          value={draft.burst}
          onChange={(burst) => change({ burst })}
        />
        <SelectField
          id="throttle-seconds"
          label="For"
          value={String(draft.seconds)}
          options={DURATIONS.map(({ seconds, label }) => [String(seconds), label])}
          onChange={(seconds) => change({ seconds: Number(seconds) })}
        />
        <SelectField
          id="throttle-route"
          label="On"
          value={draft.route}
          options={[['', 'all routes'], ...routesOf(facts).map((route) => [route, route] as const)]}
          onChange={(route) => change({ route })}
        />
        {facts.services.length > 1 && (
          <SelectField
            id="throttle-service"
            label="Service"
            value={draft.service ?? ''}
            options={[['', 'all services'], ...facts.services.map((service) => [service, service] as const)]}
            onChange={(service) => change({ service })}
          />
        )}
      </div>
      <fieldset class="modes">
        <legend>Mode</legend>
        <Mode draft={draft} mode="enforce" onChange={change} about="refuses what exceeds the limit" />
        <Mode draft={draft} mode="shadow" onChange={change} about="only counts it" />
      </fieldset>
    </ActDialog>
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
          {impactSentence(impactOf({ byRoute: facts.byRoute, route: draft.route, rate, burst, now }))}
        </p>
      )}
      {facts.instances !== undefined && (
        <p class="muted small">{instancesSentence(facts.instances, draft.service ?? '')}</p>
      )}
    </>
  );
}

function NumberField(props: {
  id: string;
  label: string;
  problem: string | undefined;
  mode: 'decimal' | 'numeric';
  value: string;
  onChange: (text: string) => void;
}) {
  return (
    <ActField id={props.id} label={props.label} problem={props.problem}>
      <input
        id={props.id}
        aria-describedby={`${props.id}-problem`}
        type="text"
        inputMode={props.mode}
        value={props.value}
        aria-invalid={props.problem !== undefined}
        onInput={(event) => props.onChange(event.currentTarget.value)}
      />
    </ActField>
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
