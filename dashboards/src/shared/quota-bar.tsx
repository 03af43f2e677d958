import { QUOTA_MARKS, type QuotaTone } from './quota-text.ts';

/** How full a quota is, with its marks. `share` null: not measured, which is an empty frame and no zero. */
export function QuotaBar(props: { share: number | null; tone: QuotaTone; label: string }) {
  const { share } = props;
  const top = Math.max(1, share ?? 0);
  return (
    <span class={`quota-bar ${share === null ? 'unknown' : props.tone}`} role="img" aria-label={props.label}>
      {share !== null && <span class="quota-bar-fill" style={{ width: `${(share / top) * 100}%` }} />}
      {QUOTA_MARKS.map((mark) => (
        <span key={mark} class="quota-bar-mark" style={{ left: `${(mark / top) * 100}%` }} />
      ))}
    </span>
  );
}
