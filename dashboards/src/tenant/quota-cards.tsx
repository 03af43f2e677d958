import type { QuotaItem } from '../../../src/api/quotas-contract.ts';
import { formatPercent } from '../shared/format.ts';
import { QUOTA_MARKS, quotaTone, quotaValue } from '../shared/quota-text.ts';
import { type TimeText, timeText, type Zone } from '../shared/time-format.ts';
import { isLevel, paceText, quotaLabel, quotaMeaning } from './usage-model.ts';

/** A bar that fills up, with ticks where something is said or done. */
export function MeterBar(props: {
  /** From 0 up; above 1 the bar is full. null: not known. */
  share: number | null;
  marks: readonly number[];
  tone: 'unknown' | 'ok' | 'warn' | 'bad';
  label: string;
}) {
  const { share, marks } = props;
  const percent = share === null ? 0 : Math.min(100, share * 100);
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers draw <meter> as they like, without the marks
    <div
      class={`meter ${props.tone}`}
      role="meter"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(percent)}
      aria-valuetext={share === null ? 'not measured' : formatPercent(share)}
    >
      <div class="meter-fill" style={{ width: `${percent}%` }} />
      {marks
        .filter((mark) => mark < 1)
        .map((mark) => (
          <span key={mark} class="meter-mark" style={{ left: `${mark * 100}%` }} />
        ))}
    </div>
  );
}

/** 70, 90 and 100 %, under the bar. */
export function MarkLabels(props: { marks: readonly number[] }) {
  return (
    <div class="meter-labels" aria-hidden="true">
      {props.marks.map((mark) => (
        <span key={mark} style={{ left: `${mark * 100}%` }}>
          {mark * 100}
        </span>
      ))}
    </div>
  );
}

/** What the plan includes, and how much of it is used. */
export function QuotaCards(props: { quotas: readonly QuotaItem[]; zone: Zone }) {
  const clock = timeText(props.zone);
  return (
    <div class="quota-cards">
      {props.quotas.map((quota) => (
        <QuotaCard key={`${quota.key} ${quota.period}`} quota={quota} clock={clock} />
      ))}
    </div>
  );
}

function QuotaCard({ quota, clock }: { quota: QuotaItem; clock: TimeText }) {
  const label = quotaLabel(quota.key);
  const resets = isLevel(quota.key)
    ? 'What there is now'
    : `Starts again ${clock.dateMinute(Date.parse(quota.period_end))}`;
  const meaning = quotaMeaning(quota);
  const tone = quotaTone(quota.state);
  const pace = paceText(quota, (ms) => clock.dateMinute(ms));
  return (
    <article class="quota card" data-testid="quota" data-key={quota.key} data-state={quota.state}>
      <h3>
        {label}
        {quota.period === 'day' && !isLevel(quota.key) && <span class="muted"> today</span>}
      </h3>
      <p class="quota-figures">
        <strong data-testid="quota-used">{quotaValue(quota.used, quota)}</strong>
        <span class="muted">
          {' of '}
          <span data-testid="quota-limit">{quotaValue(quota.limit, quota)}</span>
        </span>
        <span class={`quota-share ${tone}`}>{formatPercent(quota.share)}</span>
      </p>
      <MeterBar share={quota.share} marks={QUOTA_MARKS} tone={tone} label={`${label} used`} />
      <MarkLabels marks={QUOTA_MARKS} />
      {meaning !== '' && <p class={tone === 'bad' ? 'bad-text' : tone === 'warn' ? 'warn-text' : 'muted'}>{meaning}</p>}
      <p class="muted small">
        {resets}.{pace === '' ? '' : ` ${pace}`}
      </p>
    </article>
  );
}
