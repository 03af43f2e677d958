import type { DegradationItem, ThrottleItem } from '../../../src/api/contract.ts';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { useNow } from '../shared/use-now.ts';
import { degradationText, limitsInForce, limitText, whyText } from './limits-text.ts';

/** What holds the tenant back now, why, and until when. Nothing while nothing does. */
export function LimitsSection(props: {
  throttles: readonly ThrottleItem[];
  degradations: readonly DegradationItem[];
  zone: Zone;
}) {
  const now = useNow();
  const clock = timeText(props.zone);
  const limits = limitsInForce(props.throttles, now);
  const taken = props.degradations.filter((one) => Date.parse(one.expires_at) > now);
  if (limits.length + taken.length === 0) return null;
  return (
    <section class="limits" aria-label="Limits in force" data-testid="limits">
      {limits.map((throttle) => {
        const end = Date.parse(throttle.expires_at);
        return (
          <article key={throttle.id} class="limit card" data-testid="limit">
            <h2>{limitText(throttle)}</h2>
            <p>{whyText(throttle)}</p>
            <p class="muted">
              Ends by itself at {clock.time(end)}, in {formatSpan(end - now)}. Requests beyond it are answered with the
              status 429 and may be sent again later.
            </p>
          </article>
        );
      })}
      {taken.map((one) => (
        <article key={one.id} class="limit card" data-testid="limit">
          <h2>{degradationText(one)}</h2>
          <p>{one.reason}</p>
          <p class="muted">Ends by itself at {clock.time(Date.parse(one.expires_at))}.</p>
        </article>
      ))}
    </section>
  );
}
