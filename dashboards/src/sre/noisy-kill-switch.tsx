import type { KillSwitchItem } from '../../../src/api/contract.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { timeText, type Zone } from '../shared/time-format.ts';
import { setKillSwitch } from './noisy-api.ts';

/** Whether automation may act, in plain sight, and the switch that asks first. */
export function KillSwitch(props: { state: KillSwitchItem; mayTurn: boolean; zone: Zone; onTurned: () => void }) {
  const { state } = props;
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
      {props.mayTurn &&
        !isFixed &&
        (state.on ? (
          <AskButton
            key="on"
            label="Let it act again …"
            title="Let automation act again"
            action="Let it act"
            reason="The cause is found and fixed"
            onConfirm={(reason) => setKillSwitch(false, reason)}
            onDone={props.onTurned}
          >
            <p>From now on rules that are enforced may throttle again, as far as their stages let them.</p>
          </AskButton>
        ) : (
          <AskButton
            key="off"
            label="Switch it off …"
            title="Switch automatic throttling off"
            action="Switch it off"
            danger
            reason="It throttles the wrong tenants"
            onConfirm={(reason) => setKillSwitch(true, reason)}
            onDone={props.onTurned}
          >
            <p>
              From now on no automatic throttle holds, for any tenant and on any server, and none is set until somebody
              turns this back. What people have set stays in force.
            </p>
          </AskButton>
        ))}
    </div>
  );
}
