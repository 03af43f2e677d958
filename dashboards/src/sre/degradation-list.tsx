import type { DegradationItem } from '../../../src/api/contract.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { Link } from '../shared/navigation.tsx';
import { tenantHref } from '../shared/router.ts';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { useNow } from '../shared/use-now.ts';
import { liftDegradation } from './noisy-api.ts';

const STEP_NAMES: Readonly<Record<DegradationItem['step'], string>> = {
  ok: 'AI allowed',
  warn: 'AI warned',
  cached_only: 'AI from stored answers',
  blocked: 'AI blocked',
};

interface ListProps {
  items: readonly DegradationItem[];
  mayLift: boolean;
  zone: Zone;
  /** Links to tenants keep what of it they share. */
  query: URLSearchParams;
  onLifted: () => void;
}

/** Features that are taken from tenants now: how far, by whom or which cap, until when, and the way out. */
export function DegradationList(props: ListProps) {
  const now = useNow();
  return props.items
    .filter((item) => Date.parse(item.expires_at) > now)
    .map((item) => <Degradation key={item.id} item={item} now={now} {...props} />);
}

function Degradation({ item, now, ...props }: ListProps & { item: DegradationItem; now: number }) {
  const clock = timeText(props.zone);
  return (
    <section class="throttle card" data-testid="degradation" aria-label="Degraded feature">
      <div class="throttle-main">
        <p class="throttle-head">
          <span class={`badge ${item.step === 'blocked' ? 'anomaly' : ''}`}>
            {STEP_NAMES[item.step]}
            <span class="badge-time">{formatSpan(Date.parse(item.expires_at) - now)}</span>
          </span>
          <Link href={tenantHref(item.tenant_id, props.query)}>{item.tenant_id}</Link>
          {item.feature !== 'ai' && <strong>{item.feature}</strong>}
        </p>
        <p>{item.reason}</p>
        <p class="muted small">
          {item.automatic ? 'By its spend cap' : `By ${item.created_by}`} at{' '}
          {clock.dateMinute(Date.parse(item.created_at))},{' '}
          {item.automatic
            ? 'renewed while the cap is reached.'
            : `ends by itself at ${clock.time(Date.parse(item.expires_at))}.`}
        </p>
      </div>
      {props.mayLift && (
        <AskButton
          class="button"
          label="Lift …"
          about={`${item.tenant_id} ${item.feature}`}
          title="Lift it"
          action="Lift now"
          onConfirm={() => liftDegradation(item.id)}
          onDone={props.onLifted}
        >
          <p>
            {item.automatic
              ? `The cap does not set it again for ${item.tenant_id} in this period, unless a stricter step is reached.`
              : `${item.tenant_id} has ${item.feature} again, as far as its spend caps allow.`}
          </p>
        </AskButton>
      )}
    </section>
  );
}
