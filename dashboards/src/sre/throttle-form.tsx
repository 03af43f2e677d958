import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, createThrottle, serverNow, tenantMetric } from '../shared/api-client.ts';
import { groupLabel } from '../shared/chart-data.ts';
import { formatShort } from '../shared/format.ts';
import { timeText, type Zone } from '../shared/time-format.ts';
import { checkDraft, DURATIONS, previewSentence, startDraft, type ThrottleDraft } from './throttle-draft.ts';

const HOUR_MS = 3_600_000;

/** Routes with traffic in the last hour, to choose from. Without them the throttle holds for all routes. */
function useRoutes(tenantId: string): readonly string[] {
  const [routes, setRoutes] = useState<readonly string[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    const now = serverNow();
    const window = { from: now - HOUR_MS, to: now };
    tenantMetric(tenantId, { metric: 'requests', window, stepSeconds: 3_600, groupBy: 'route' }, stop.signal)
      .then(({ series }) => setRoutes(series.map(({ group }) => groupLabel(group)).sort()))
      .catch(() => undefined);
    return () => stop.abort();
  }, [tenantId]);
  return routes;
}

/** The form in a modal dialog: says in a sentence what will happen before anybody presses the button. */
export function ThrottleForm(props: {
  tenantId: string;
  currentRate: number | null;
  zone: Zone;
  onClose: () => void;
  onCreated: () => void;
}) {
  const { tenantId, currentRate } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [draft, setDraft] = useState<ThrottleDraft>(() => startDraft(currentRate));
  const [tried, setTried] = useState(false);
  const [sending, setSending] = useState(false);
  const [refused, setRefused] = useState<ApiError | undefined>();
  const routes = useRoutes(tenantId);
  useEffect(() => dialog.current?.showModal(), []);

  const check = checkDraft(draft, tenantId);
  // The sentence needs the numbers only, so it is there before the reason is.
  const preview = checkDraft({ ...draft, reason: 'preview' }, tenantId);
  const problems = tried && !check.ok ? check.problems : {};
  const change = (part: Partial<ThrottleDraft>) => setDraft({ ...draft, ...part });

  const send = async () => {
    setTried(true);
    if (!check.ok || sending) return;
    setSending(true);
    setRefused(undefined);
    try {
      await createThrottle(check.throttle);
      props.onCreated();
    } catch (thrown) {
      setRefused(thrown instanceof ApiError ? thrown : new ApiError(0, 'The throttle could not be sent'));
      setSending(false);
    }
  };

  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="throttle-title"
      onClose={props.onClose}
      data-testid="throttle-dialog"
    >
      <form
        method="dialog"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <h2 id="throttle-title">Throttle {tenantId}</h2>
        <p class="muted small">
          {currentRate === null
            ? 'Its present request rate is not known.'
            : `It sends ${formatShort(currentRate)} requests a second right now; half of that is filled in.`}
        </p>
        <div class="fields">
          <Field id="throttle-rate" label="Requests a second" problem={problems.rate}>
            <input
              id="throttle-rate"
              aria-describedby="throttle-rate-problem"
              type="text"
              inputMode="decimal"
              value={draft.rate}
              aria-invalid={problems.rate !== undefined}
              onInput={(event) => change({ rate: event.currentTarget.value })}
            />
          </Field>
          <Field id="throttle-burst" label="Burst" problem={problems.burst}>
            <input
              id="throttle-burst"
              aria-describedby="throttle-burst-problem"
              type="text"
              inputMode="numeric"
              value={draft.burst}
              aria-invalid={problems.burst !== undefined}
              onInput={(event) => change({ burst: event.currentTarget.value })}
            />
          </Field>
          <Field id="throttle-seconds" label="For">
            <select
              id="throttle-seconds"
              value={draft.seconds}
              onChange={(event) => change({ seconds: Number(event.currentTarget.value) })}
            >
              {DURATIONS.map(({ seconds, label }) => (
                <option key={seconds} value={seconds}>
                  {label}
                </option>
              ))}
            </select>
          </Field>
          <Field id="throttle-route" label="On">
            <select
              id="throttle-route"
              value={draft.route}
              onChange={(event) => change({ route: event.currentTarget.value })}
            >
              <option value="">all routes</option>
              {routes.map((route) => (
                <option key={route} value={route}>
                  {route}
                </option>
              ))}
            </select>
          </Field>
        </div>
        <fieldset class="modes">
          <legend>Mode</legend>
          <Mode draft={draft} mode="enforce" onChange={change} about="refuses what exceeds the limit" />
          <Mode draft={draft} mode="shadow" onChange={change} about="only counts it" />
        </fieldset>
        <Field id="throttle-reason" label="Reason" problem={problems.reason}>
          <input
            id="throttle-reason"
            aria-describedby="throttle-reason-problem"
            type="text"
            maxLength={500}
            value={draft.reason}
            placeholder="Import job floods /search, others wait"
            aria-invalid={problems.reason !== undefined}
            onInput={(event) => change({ reason: event.currentTarget.value })}
          />
        </Field>
        <p class="preview" aria-live="polite" data-testid="throttle-preview">
          {preview.ok
            ? previewSentence(preview.throttle, serverNow(), timeText(props.zone))
            : 'The limit is not a number yet.'}
        </p>
        {refused && (
          <p class="bad-text" role="alert">
            {refused.message} {refused.problem?.hint}
          </p>
        )}
        <p class="dialog-actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class={`button ${draft.mode === 'enforce' ? 'danger' : 'primary'}`} disabled={sending}>
            {draft.mode === 'enforce' ? 'Throttle' : 'Start shadow throttle'}
          </button>
        </p>
      </form>
    </dialog>
  );
}

function Field(props: { id: string; label: string; problem?: string | undefined; children: ComponentChildren }) {
  return (
    <div class="field">
      <label class="field-label" for={props.id}>
        {props.label}
      </label>
      {props.children}
      {props.problem && (
        <span class="field-problem" id={`${props.id}-problem`}>
          {props.problem}
        </span>
      )}
    </div>
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
