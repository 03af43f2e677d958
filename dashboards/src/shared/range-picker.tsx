import { useState } from 'preact/hooks';
import { serverNow } from './api-client.ts';
import { Dialog } from './form.tsx';
import { navigate } from './navigation.tsx';
import { checkRange, liveRange, nextRange, previousRange } from './range-steps.ts';
import { withQuery } from './router.ts';
import { rangeText, timeText, type Zone, zoneName } from './time-format.ts';
import { PRESETS, type RangeWindow, type TimeRange, windowOf, withRange } from './time-range.ts';
import { offsetMinutes, wallText } from './zone-time.ts';

/** Chooses the window and writes it into the URL; `drop` names what a new window makes meaningless (a page's cursor). */
export function RangePicker(props: { range: TimeRange; query: URLSearchParams; zone: Zone; drop?: readonly string[] }) {
  const { range, zone } = props;
  const [typing, setTyping] = useState<RangeWindow | undefined>();
  const choose = (next: TimeRange | undefined) => {
    if (next === undefined) return;
    const query = withRange(props.query, next);
    for (const name of props.drop ?? []) query.delete(name);
    navigate(withQuery(location.pathname, query));
  };
  const next = nextRange(range, serverNow());
  return (
    <fieldset class="range" data-testid="range-picker">
      <legend class="visually-hidden">Time range</legend>
      <div class="segmented">
        {PRESETS.map((preset) => (
          <button
            key={preset.id}
            type="button"
            class="segment"
            aria-pressed={range.kind === 'last' && range.preset === preset.id}
            title={preset.name}
            onClick={() => choose({ kind: 'last', preset: preset.id })}
          >
            {preset.label}
          </button>
        ))}
      </div>
      <div class="segmented">
        <button
          type="button"
          class="segment"
          aria-label="Earlier"
          title="The same time before"
          onClick={() => choose(previousRange(range, serverNow()))}
        >
          ‹
        </button>
        <button
          type="button"
          class="segment range-custom"
          aria-pressed={range.kind === 'fixed'}
          title="Choose from and to"
          data-testid="range-custom"
          onClick={() => setTyping(windowOf(range, serverNow()))}
        >
          {range.kind === 'fixed' ? rangeText(range, timeText(zone)) : 'Custom'}
        </button>
        <button
          type="button"
          class="segment"
          aria-label="Later"
          title={next === undefined ? 'This reaches up to now' : 'The same time after'}
          disabled={next === undefined}
          onClick={() => choose(next)}
        >
          ›
        </button>
        {range.kind === 'fixed' && (
          <button type="button" class="segment" title="Up to now, live" onClick={() => choose(liveRange(range))}>
            Now
          </button>
        )}
      </div>
      {typing && (
        <CustomRange
          window={typing}
          zone={zone}
          onChoose={(chosen) => {
            setTyping(undefined);
            choose(chosen);
          }}
          onClose={() => setTyping(undefined)}
        />
      )}
    </fieldset>
  );
}

function CustomRange(props: {
  window: RangeWindow;
  zone: Zone;
  onChoose: (range: TimeRange) => void;
  onClose: () => void;
}) {
  const { zone } = props;
  const [draft, setDraft] = useState({ from: wallText(props.window.from, zone), to: wallText(props.window.to, zone) });
  const [tried, setTried] = useState(false);
  const check = checkRange(draft, zone, serverNow());
  const problems = tried && !check.ok ? check.problems : {};
  const submit = (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (check.ok) props.onChoose(check.range);
  };
  return (
    <Dialog title="Choose a time range" testId="range-dialog" onClose={props.onClose}>
      <form class="form" noValidate onSubmit={submit}>
        {(['from', 'to'] as const).map((end) => (
          <div key={end} class="field">
            <label class="field-label" for={`range-${end}`}>
              {end === 'from' ? 'From' : 'To'}
            </label>
            <input
              id={`range-${end}`}
              type="datetime-local"
              value={draft[end]}
              aria-invalid={problems[end] !== undefined}
              aria-describedby={`range-${end}-problem`}
              onInput={(event) => setDraft({ ...draft, [end]: event.currentTarget.value })}
            />
            <span class="field-problem" id={`range-${end}-problem`} aria-live="polite">
              {problems[end]}
            </span>
          </div>
        ))}
        <p class="muted small">Times in {zoneName(zone, offsetMinutes(serverNow(), zone))}.</p>
        <p class="dialog-actions">
          <button type="button" class="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Show
          </button>
        </p>
      </form>
    </Dialog>
  );
}
