import { useState } from 'preact/hooks';
import type { BreakerItem, NewBreakerOrder } from '../../../src/api/contract.ts';
import { serverNow } from '../shared/api-client.ts';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { ActDialog, ActField, SelectField } from './act-dialog.tsx';
import { instancesSentence } from './act-impact.ts';
import { useActFacts } from './act-use-impact.ts';
import { orderBreaker } from './noisy-api.ts';
import { DURATIONS } from './throttle-draft.ts';

type State = NewBreakerOrder['state'];

const STATES: readonly (readonly [State, string])[] = [
  ['open', 'open: refuse every call'],
  ['closed', 'closed: let every call through'],
  ['auto', 'auto: let it judge by itself'],
];

const WHAT: Readonly<Record<State, string>> = {
  open: 'every call is refused at once',
  closed: 'every call goes through, however many fail',
  auto: 'the breaker judges by itself, whatever was ordered before',
};

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
  const [integration, setIntegration] = useState(known[0]?.integration ?? '');
  const [state, setState] = useState<State>('open');
  const [seconds, setSeconds] = useState(900);
  const [reason, setReason] = useState('');
  const [tried, setTried] = useState(false);
  const { instances } = useActFacts(tenantId);
  const name = integration.trim();
  const item = known.find((one) => one.integration === name);
  const until = timeText(props.zone).minute(serverNow() + seconds * 1_000);
  const order = { tenant_id: tenantId, integration: name, state, expires_in_seconds: seconds, reason: reason.trim() };
  return (
    <ActDialog
      id="breaker"
      testId="breaker-dialog"
      title={`Circuit breaker of ${tenantId}`}
      intro="An order holds for this tenant and one integration alone, and ends by itself."
      reason={reason}
      onReason={setReason}
      reasonHint="Its webhook times out and holds our workers"
      reasonProblem={tried && reason.trim() === '' ? 'Say why: it is shown wherever this order appears' : undefined}
      preview={
        <>
          <p>
            {name === ''
              ? 'Name the integration first.'
              : `${tenantId} to ${name}: ${WHAT[state]}, until ${until} (${formatSpan(seconds * 1_000)}).`}
          </p>
          {item !== undefined && item.calls > 0 && (
            <p>
              {item.failures} of its {item.calls} latest calls failed.
            </p>
          )}
          {instances !== undefined && <p class="muted small">{instancesSentence(instances, '')}</p>}
        </>
      }
      submit={state === 'open' ? 'Open the breaker' : state === 'closed' ? 'Close the breaker' : 'Leave it to itself'}
      isHarsh={state === 'open'}
      send={() => {
        setTried(true);
        return name === '' || order.reason === '' ? undefined : orderBreaker(order);
      }}
      onClose={props.onClose}
      onDone={props.onDone}
    >
      <div class="fields">
        <ActField
          id="breaker-integration"
          label="Integration"
          problem={tried && name === '' ? 'As the app names it, such as stripe or webhook' : undefined}
        >
          <input
            id="breaker-integration"
            type="text"
            list="breaker-integrations"
            maxLength={64}
            value={integration}
            onInput={(event) => setIntegration(event.currentTarget.value)}
          />
          <datalist id="breaker-integrations">
            {known.map((one) => (
              <option key={one.integration} value={one.integration} />
            ))}
          </datalist>
        </ActField>
        <SelectField
          id="breaker-seconds"
          label="For"
          value={String(seconds)}
          options={DURATIONS.map((one) => [String(one.seconds), one.label])}
          onChange={(value) => setSeconds(Number(value))}
        />
        <SelectField
          id="breaker-state"
          label="State"
          value={state}
          options={STATES}
          onChange={(value) => setState(STATES.find(([one]) => one === value)?.[0] ?? 'open')}
        />
      </div>
    </ActDialog>
  );
}
