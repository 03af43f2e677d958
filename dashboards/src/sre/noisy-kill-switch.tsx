import { useState } from 'preact/hooks';
import type { KillSwitchItem } from '../../../src/api/contract.ts';
import { timeText, type Zone } from '../shared/time-format.ts';
import { ActDialog } from './act-dialog.tsx';
import { setKillSwitch } from './noisy-api.ts';

/** Whether automation may act, in plain sight, and the switch that asks first. */
export function KillSwitch(props: { state: KillSwitchItem; mayTurn: boolean; zone: Zone; onTurned: () => void }) {
  const { state } = props;
  const [asking, setAsking] = useState(false);
  const since = state.at === null ? '' : ` at ${timeText(props.zone).dateMinute(Date.parse(state.at))}`;
  const isFixed = state.source === 'environment' && state.on;
  return (
    <div class={`kill-switch${state.on ? ' on' : ''}`} data-testid="kill-switch">
      <span class={`badge ${state.on ? 'anomaly' : ''}`}>
        {state.on ? 'Automatic throttling is off' : 'Automatic throttling may act'}
      </span>
      {state.on && (
        <span class="small">
          {state.reason} {state.by !== null && `(${state.by}${since})`}
          {isFixed && ' Set for the process: only a restart without the setting ends it.'}
        </span>
      )}
      {props.mayTurn && !isFixed && (
        <button type="button" class="button small" onClick={() => setAsking(true)}>
          {state.on ? 'Let it act again …' : 'Switch it off …'}
        </button>
      )}
      {asking && (
        <Ask
          turnOn={!state.on}
          onClose={() => setAsking(false)}
          onDone={() => {
            setAsking(false);
            props.onTurned();
          }}
        />
      )}
    </div>
  );
}

function Ask(props: { turnOn: boolean; onClose: () => void; onDone: () => void }) {
  const { turnOn } = props;
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState(false);
  const text = reason.trim();
  return (
    <ActDialog
      id="kill-switch"
      testId="kill-switch-dialog"
      title={turnOn ? 'Switch automatic throttling off' : 'Let automation act again'}
      reason={reason}
      onReason={setReason}
      reasonHint={turnOn ? 'It throttles the wrong tenants' : 'The cause is found and fixed'}
      reasonProblem={tried && text === '' ? 'Say why: everybody on call sees it' : undefined}
      preview={
        <p>
          {turnOn
            ? 'From now on no automatic throttle holds, for any tenant and on any server, and none is set until somebody turns this back. What people have set stays in force.'
            : 'From now on rules that are enforced may throttle again, as their stages say.'}
        </p>
      }
      submit={turnOn ? 'Switch it off' : 'Let it act'}
      isHarsh={turnOn}
      send={() => {
        setTried(true);
        return text === '' ? undefined : setKillSwitch(turnOn, text);
      }}
      onClose={props.onClose}
      onDone={props.onDone}
    />
  );
}
