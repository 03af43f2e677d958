import { useState } from 'preact/hooks';
import type { ThrottleItem } from '../../../src/api/contract.ts';
import { ApiError, liftThrottle } from '../shared/api-client.ts';
import { formatShort } from '../shared/format.ts';
import { formatSpan, type TimeText, timeText, type Zone } from '../shared/time-format.ts';
import { useNow } from '../shared/use-now.ts';
import { throttlesInForce } from './attention.ts';
import { ThrottleBadge } from './throttle-badge.tsx';

function limitText({ limit, scope }: ThrottleItem): string {
  const where = [scope.service, scope.route].filter((part) => part !== undefined).join(' ');
  const rate =
    limit.requests_per_second === 0
      ? 'refuses everything'
      : `${formatShort(limit.requests_per_second)} requests/s, burst ${formatShort(limit.burst)}`;
  return where === '' ? rate : `${rate}, on ${where}`;
}

/** Throttles in force, each as a banner with who, why, until when, who obeys, and the way out. */
export function ActiveThrottles(props: {
  throttles: readonly ThrottleItem[];
  zone: Zone;
  mayLift: boolean;
  onLifted: () => void;
  /** Where throttles of several tenants stand together. */
  namesTenant?: boolean;
}) {
  const now = useNow();
  return (
    <>
      {throttlesInForce(props.throttles, now).map((throttle) => (
        <ActiveThrottle key={throttle.id} throttle={throttle} now={now} {...props} />
      ))}
    </>
  );
}

function ActiveThrottle(props: {
  throttle: ThrottleItem;
  now: number;
  zone: Zone;
  mayLift: boolean;
  onLifted: () => void;
  namesTenant?: boolean;
}) {
  const { throttle } = props;
  const clock = timeText(props.zone);
  return (
    <section class={`throttle card ${throttle.mode}`} data-testid="active-throttle" aria-label="Throttle in force">
      <div class="throttle-main">
        <p class="throttle-head">
          <ThrottleBadge mode={throttle.mode} expiresAt={throttle.expires_at} now={props.now} />
          {props.namesTenant && <a href={`/tenants/${encodeURIComponent(throttle.tenant_id)}`}>{throttle.tenant_id}</a>}
          <strong>{limitText(throttle)}</strong>
        </p>
        <p>{throttle.reason}</p>
        <p class="muted small">
          By {throttle.created_by} at {clock.dateMinute(Date.parse(throttle.created_at))}, ends by itself at{' '}
          {clock.time(Date.parse(throttle.expires_at))}. <Acks throttle={throttle} clock={clock} />
        </p>
      </div>
      {props.mayLift && <Lift throttle={throttle} onLifted={props.onLifted} />}
    </section>
  );
}

function Acks({ throttle, clock }: { throttle: ThrottleItem; clock: TimeText }) {
  const { acks } = throttle;
  if (acks.length === 0) return <span class="warn-text">No app instance has acknowledged it yet.</span>;
  const names = acks.map((ack) => `${ack.service} ${ack.instance_id} at ${clock.time(Date.parse(ack.acked_at))}`);
  return (
    <details class="acks">
      <summary>
        Obeyed by {acks.length} {acks.length === 1 ? 'instance' : 'instances'}
      </summary>
      <ul>
        {names.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
    </details>
  );
}

function Lift(props: { throttle: ThrottleItem; onLifted: () => void }) {
  const [step, setStep] = useState<'idle' | 'asking' | 'sending'>('idle');
  const [problem, setProblem] = useState<string | undefined>();
  const lift = async () => {
    setStep('sending');
    setProblem(undefined);
    try {
      await liftThrottle(props.throttle.id);
      props.onLifted();
    } catch (thrown) {
      setProblem(thrown instanceof ApiError ? thrown.message : 'It could not be lifted');
      setStep('idle');
    }
  };
  if (step === 'idle') {
    return (
      <div class="lift">
        {problem && (
          <span class="bad-text small" role="alert">
            {problem}
          </span>
        )}
        <button type="button" class="button" onClick={() => setStep('asking')}>
          Lift …
        </button>
      </div>
    );
  }
  return (
    <div class="lift">
      <span class="small">Let its requests through again?</span>
      <button type="button" class="button primary" disabled={step === 'sending'} onClick={() => void lift()}>
        Lift now
      </button>
      <button type="button" class="button quiet" onClick={() => setStep('idle')}>
        Keep
      </button>
    </div>
  );
}

/** Throttles that are over. */
export function ThrottleHistory(props: { throttles: readonly ThrottleItem[]; zone: Zone }) {
  const now = useNow(10_000);
  const inForce = new Set(throttlesInForce(props.throttles, now));
  const past = props.throttles.filter((throttle) => !inForce.has(throttle));
  const clock = timeText(props.zone);
  return (
    <section class="card list" data-testid="throttle-history" aria-label="Past throttles">
      <h2>Past throttles</h2>
      {past.length === 0 && <p class="muted">None.</p>}
      <ul>
        {past.map((throttle) => (
          <li key={throttle.id}>
            <PastThrottle throttle={throttle} clock={clock} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function PastThrottle({ throttle, clock }: { throttle: ThrottleItem; clock: TimeText }) {
  const from = Date.parse(throttle.created_at);
  const to = Date.parse(throttle.ended_at ?? throttle.expires_at);
  return (
    <>
      <p class="list-head">
        <span class="badge">{throttle.mode === 'enforce' ? 'Enforced' : 'Shadow'}</span>
        <span title={`${clock.full(from)} to ${clock.full(to)}`}>
          {clock.dateMinute(from)} – {clock.minute(to)}
        </span>
        <span class="muted">
          {formatSpan(to - from)}, {throttle.status}
        </span>
      </p>
      <p>{throttle.reason}</p>
      <p class="muted small">
        {limitText(throttle)}; by {throttle.created_by}; obeyed by {throttle.acks.length}{' '}
        {throttle.acks.length === 1 ? 'instance' : 'instances'}
      </p>
    </>
  );
}
