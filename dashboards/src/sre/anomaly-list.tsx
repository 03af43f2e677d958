import type { AnomalyItem } from '../../../src/api/contract.ts';
import { formatShort } from '../shared/format.ts';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';

const UNITS: Readonly<Record<string, string>> = { requests: 'requests/s', ai_tokens: 'tokens/s' };

/** What the detector found, each with the figures and the rule it decided by. */
export function AnomalyList(props: { anomalies: readonly AnomalyItem[]; zone: Zone }) {
  const clock = timeText(props.zone);
  return (
    <section class="card list" data-testid="anomalies" aria-label="Anomalies">
      <h2>Anomalies</h2>
      {props.anomalies.length === 0 && <p class="muted">None in this window.</p>}
      <ul>
        {props.anomalies.map((anomaly) => {
          const from = Date.parse(anomaly.started_at);
          const unit = UNITS[anomaly.metric] ?? anomaly.metric;
          return (
            <li key={anomaly.id}>
              <p class="list-head">
                {anomaly.ended_at === null ? <span class="badge anomaly">Open</span> : <span class="badge">Over</span>}
                <span title={clock.full(from)}>{clock.dateMinute(from)}</span>
                <span class="muted">
                  {anomaly.ended_at === null
                    ? 'still going on'
                    : `lasted ${formatSpan(Date.parse(anomaly.ended_at) - from)}`}
                </span>
              </p>
              <p>{anomaly.reason}</p>
              <p class="muted small">
                {formatShort(anomaly.value)} {unit} against a baseline of {formatShort(anomaly.baseline)} (
                {formatShort(anomaly.ratio)}x), rule {anomaly.rule}
                {anomaly.throttle_id === null ? '' : '; led to a throttle'}
              </p>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
