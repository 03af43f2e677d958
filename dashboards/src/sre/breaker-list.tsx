import type { BreakerItem } from '../../../src/api/contract.ts';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { useNow } from '../shared/use-now.ts';

const STATE_NAMES: Readonly<Record<BreakerItem['state'], string>> = {
  open: 'Open',
  half_open: 'Probing',
  closed: 'Closed',
};

function instancesText({ instances }: BreakerItem): string | undefined {
  if (instances === null) return undefined;
  const parts = [
    [instances.open, 'open'],
    [instances.half_open, 'probing'],
    [instances.closed, 'closed'],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, name]) => `${count} ${name}`);
  return told.length === 0 ? 'no instance has reported' : `instances: ${told.join(', ')}`;
}

function factsOf(item: BreakerItem): string {
  const failed = item.calls > 0 ? `${item.failures} of ${item.calls} calls failed` : undefined;
  const error = item.last_error === null ? undefined : `last error ${item.last_error}`;
  return [instancesText(item), failed, error].filter((fact) => fact !== undefined).join('; ');
}

/** Circuit breakers of one tenant: what each does, since when, by whose word, and whether it flaps. */
export function BreakerList(props: { breakers: readonly BreakerItem[]; zone: Zone }) {
  const now = useNow(10_000);
  const clock = timeText(props.zone);
  return (
    <section class="card list" data-testid="breakers" aria-label="Circuit breakers">
      <h2>Circuit breakers</h2>
      {props.breakers.length === 0 && <p class="muted">All closed.</p>}
      <ul>
        {props.breakers.map((item) => (
          <li key={item.integration}>
            <p class="list-head">
              <span class={item.state === 'closed' ? 'badge' : 'badge anomaly'}>{STATE_NAMES[item.state]}</span>
              <strong>{item.integration}</strong>
              {item.since !== null && (
                <span class="muted" title={clock.full(Date.parse(item.since))}>
                  for {formatSpan(Math.max(0, now - Date.parse(item.since)))}
                </span>
              )}
            </p>
            {item.order !== null && (
              <p>
                Ordered {item.order.state} by {item.order.created_by}, ends by itself at{' '}
                {clock.time(Date.parse(item.order.expires_at))}: {item.order.reason}
              </p>
            )}
            {item.flapping !== null && <p class="warn-text">Flapping: {item.flapping.reason}.</p>}
            <p class="muted small">{factsOf(item)}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
