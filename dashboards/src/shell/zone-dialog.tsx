import { useState } from 'preact/hooks';
import { serverNow } from '../shared/api-client.ts';
import { Dialog } from '../shared/form.tsx';
import { setPreference, usePreferences } from '../shared/preferences.ts';
import { timeText, type Zone, zoneLabel } from '../shared/time-format.ts';
import { offsetMinutes, zoneOf } from '../shared/zone-time.ts';

/** Every zone that the browser can show, for the field to suggest. */
function zoneNames(): readonly string[] {
  return Intl.supportedValuesOf('timeZone');
}

function Choice(props: { zone: Zone; label: string; chosen: boolean; onChoose: (zone: Zone) => void }) {
  const now = serverNow();
  return (
    <button type="button" class="zone-choice" aria-pressed={props.chosen} onClick={() => props.onChoose(props.zone)}>
      <span>{props.label}</span>
      <span class="muted small">
        {zoneLabel(props.zone, offsetMinutes(now, props.zone))}, now {timeText(props.zone).minute(now)}
      </span>
    </button>
  );
}

/** In which zone all times are shown: this device's, UTC or any other. */
export function ZoneDialog(props: { onClose: () => void }) {
  const { zone } = usePreferences();
  const isOther = zone !== 'local' && zone !== 'UTC';
  const [text, setText] = useState(isOther ? zone : '');
  const [problem, setProblem] = useState('');
  const choose = (next: Zone) => {
    setPreference({ zone: next });
    props.onClose();
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const found = zoneOf(text);
    if (found !== undefined) choose(found);
    else setProblem(`There is no time zone “${text}”. Write it as Europe/Berlin or America/New_York.`);
  };
  return (
    <Dialog title="Time zone of all times" testId="zone-dialog" onClose={props.onClose}>
      <div class="zone-choices">
        <Choice zone="local" label="This device" chosen={zone === 'local'} onChoose={choose} />
        <Choice zone="UTC" label="UTC" chosen={zone === 'UTC'} onChoose={choose} />
      </div>
      <form class="form" noValidate onSubmit={submit}>
        <div class="field">
          <label class="field-label" for="zone-name">
            Another zone
          </label>
          <input
            id="zone-name"
            type="text"
            list="zone-names"
            autocomplete="off"
            spellcheck={false}
            placeholder="Europe/Berlin"
            value={text}
            aria-invalid={problem !== ''}
            aria-describedby="zone-problem"
            onInput={(event) => {
              setText(event.currentTarget.value);
              setProblem('');
            }}
          />
          <datalist id="zone-names">
            {zoneNames().map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <span class="field-problem" id="zone-problem" aria-live="polite">
            {problem}
          </span>
        </div>
        <p class="dialog-actions">
          <button type="button" class="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={text.trim() === ''}>
            Use this zone
          </button>
        </p>
      </form>
    </Dialog>
  );
}
