import type { CapItem } from '../../../src/api/spend-contract.ts';
import { formatPercent } from '../shared/format.ts';
import { timeText, type Zone } from '../shared/time-format.ts';
import { capAmounts, capMarks, capName, capShare, capStanding } from './limits-text.ts';
import { MarkLabels, MeterBar } from './quota-cards.tsx';

const TONES = { ok: 'ok', warn: 'warn', cached_only: 'warn', blocked: 'bad' } as const;

/** AI budgets: what is spent, and what happens at each mark. */
export function SpendSection(props: { caps: readonly CapItem[]; zone: Zone }) {
  if (props.caps.length === 0) return null;
  return (
    <section class="usage-section" aria-labelledby="spend-title">
      <h2 id="spend-title">AI spend</h2>
      <div class="quota-cards wide">
        {props.caps.map((cap) => (
          <CapCard key={JSON.stringify([cap.period, cap.key, cap.model])} cap={cap} zone={props.zone} />
        ))}
      </div>
    </section>
  );
}

function CapCard({ cap, zone }: { cap: CapItem; zone: Zone }) {
  const clock = timeText(zone);
  const share = capShare(cap);
  const tone = TONES[cap.step];
  const standing = capStanding(cap);
  const marks = capMarks(cap);
  const places = marks.map(({ percent }) => percent / 100);
  return (
    <article class="quota card" data-testid="cap" data-step={cap.step}>
      <h3>{capName(cap)}</h3>
      <p class="quota-figures">
        <strong data-testid="cap-amounts">{capAmounts(cap)}</strong>
        <span class={`quota-share ${tone}`}>{formatPercent(share)}</span>
      </p>
      <MeterBar share={share} marks={places} tone={tone} label={`${capName(cap)} used`} />
      <MarkLabels marks={places.filter((place) => place <= 1)} />
      {standing !== '' && <p class={tone === 'bad' ? 'bad-text' : 'warn-text'}>{standing}</p>}
      <ul class="cap-marks small">
        {marks.map((mark) => (
          <li key={mark.percent} class={mark.isReached ? 'reached' : ''}>
            <span class="cap-percent">{mark.percent} %</span> {mark.text}
            {mark.isReached && <span class="visually-hidden"> (reached)</span>}
          </li>
        ))}
      </ul>
      <p class="muted small">
        Starts again {clock.dateMinute(Date.parse(cap.period_end))}.
        {cap.unpriced_calls > 0 && ` ${cap.unpriced_calls} calls have no known price and are not in the amount.`}
      </p>
    </article>
  );
}
