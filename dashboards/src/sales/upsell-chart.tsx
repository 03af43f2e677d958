import type { SignalItem } from '../../../src/api/signals-contract.ts';
import { NO_VALUE } from '../shared/format.ts';
import { evidenceOf } from './upsell-evidence.ts';

/** The figures behind a signal, drawn; nothing where its sentence says all there is. */
export function EvidenceChart({ signal }: { signal: SignalItem }) {
  const { bars, marks } = evidenceOf(signal);
  if (bars.length === 0) return null;
  return (
    <dl class="lead-evidence">
      {bars.map((bar) => (
        <div key={bar.label} class="evidence-row">
          <dt>{bar.label}</dt>
          <dd>
            <span class={`quota-bar ${bar.ratio === null ? 'unknown' : bar.tone}`} aria-hidden="true">
              {bar.ratio !== null && <span class="quota-bar-fill" style={{ width: `${bar.ratio * 100}%` }} />}
              {marks.map((mark) => (
                <span key={mark} class="quota-bar-mark" style={{ left: `${mark * 100}%` }} />
              ))}
            </span>
            <span class="evidence-value">{bar.ratio === null ? NO_VALUE : bar.text}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
