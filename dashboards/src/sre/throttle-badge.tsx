import { formatSpan } from '../shared/time-format.ts';

/** `Enforced · 4 min 10 s`: what holds the tenant back now and for how long. Nothing once it has run out. */
export function ThrottleBadge(props: { mode: 'enforce' | 'shadow'; expiresAt: string; now: number }) {
  const left = Date.parse(props.expiresAt) - props.now;
  if (!(left > 0)) return null;
  const enforced = props.mode === 'enforce';
  const title = enforced
    ? 'Requests over the limit are answered 429'
    : 'Requests over the limit are counted, none is refused';
  return (
    <span class={`badge ${enforced ? 'enforce' : 'shadow'}`} title={title}>
      {enforced ? 'Throttled' : 'Shadow'}
      <span class="badge-time">{formatSpan(left)}</span>
    </span>
  );
}
