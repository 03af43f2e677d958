import { useState } from 'preact/hooks';
import type { AnomalyItem, ThrottleItem } from '../../../src/api/contract.ts';
import { Link } from '../shared/navigation.tsx';
import { tenantHref } from '../shared/router.ts';
import { formatSpan } from '../shared/time-format.ts';
import { useNow } from '../shared/use-now.ts';
import { type AttentionItem, attentionItems } from './attention.ts';
import { ThrottleBadge } from './throttle-badge.tsx';

const SHOWN_AT_FIRST = 3;

/** Who is out of line or held back right now, with the reason in the detector's own words. */
export function AttentionStrip(props: {
  throttles: readonly ThrottleItem[];
  anomalies: readonly AnomalyItem[];
  query: URLSearchParams;
}) {
  const now = useNow();
  const [all, setAll] = useState(false);
  const items = attentionItems(props.throttles, props.anomalies, now);
  if (items.length === 0) return null;
  const shown = all ? items : items.slice(0, SHOWN_AT_FIRST);
  return (
    <section class="attention card" aria-label="Needs attention" data-testid="attention">
      <ul>
        {shown.map((item) => (
          <Item key={item.key} item={item} now={now} query={props.query} />
        ))}
      </ul>
      {items.length > SHOWN_AT_FIRST && (
        <button type="button" class="button small quiet" onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show ${items.length - SHOWN_AT_FIRST} more`}
        </button>
      )}
    </section>
  );
}

function Item(props: { item: AttentionItem; now: number; query: URLSearchParams }) {
  const { item, now } = props;
  return (
    <li class="attention-item">
      {item.throttle ? (
        <ThrottleBadge mode={item.throttle.mode} expiresAt={item.throttle.expires_at} now={now} />
      ) : (
        <span class="badge anomaly">
          Anomaly<span class="badge-time">{formatSpan(now - item.since)}</span>
        </span>
      )}
      <Link class="attention-tenant" href={tenantHref(item.tenantId, props.query)} title={item.tenantId}>
        {item.tenantId}
      </Link>
      <span class="attention-reason">{item.reason}</span>
    </li>
  );
}
