import type { BreakerItem } from '../../../src/api/contract.ts';
import { AskButton } from '../shared/form-ask.tsx';
import { Link } from '../shared/navigation.tsx';
import { tenantHref } from '../shared/router.ts';
import { formatSpan, timeText, type Zone } from '../shared/time-format.ts';
import { useNow } from '../shared/use-now.ts';
import { throttlesInForce } from './attention.ts';
import { DegradationList } from './degradation-list.tsx';
import { type InForce, liftBreakerOrder } from './noisy-api.ts';
import { ActiveThrottles } from './throttle-list.tsx';

interface InForceProps {
  inForce: InForce;
  mayAct: boolean;
  zone: Zone;
  query: URLSearchParams;
  onActed: () => void;
}

/** What has been done already: by whom or which rule, until when, how many instances obey, and the way out. */
export function WhatHolds(props: InForceProps) {
  const { throttles, breakers, degradations, instances } = props.inForce;
  const now = useNow(5_000);
  const held = throttlesInForce(throttles, now);
  const orders = breakers.filter(({ order }) => order !== null);
  const live = instances.items.filter((one) => one.live).length;
  return (
    <section class="what-holds" aria-label="In force now" data-testid="in-force">
      <header class="section-head">
        <h2>In force now</h2>
        <span class="muted small">
          {held.length + orders.length + degradations.length === 0 ? 'Nobody is held back. ' : ''}
          {live === 1 ? '1 app instance is connected.' : `${live} app instances are connected.`}
        </span>
      </header>
      <ActiveThrottles
        throttles={throttles}
        zone={props.zone}
        mayLift={props.mayAct}
        onLifted={props.onActed}
        namesTenant
      />
      {orders.map((item) => (
        <Order key={item.order?.id} item={item} {...props} />
      ))}
      <DegradationList
        items={degradations}
        mayLift={props.mayAct}
        zone={props.zone}
        query={props.query}
        onLifted={props.onActed}
      />
    </section>
  );
}

function Order({ item, ...props }: InForceProps & { item: BreakerItem }) {
  const now = useNow();
  const { order } = item;
  if (order === null) return null;
  return (
    <section class="throttle card" data-testid="breaker-order" aria-label="Breaker order in force">
      <div class="throttle-main">
        <p class="throttle-head">
          <span class={`badge ${order.state === 'open' ? 'anomaly' : ''}`}>
            Breaker {order.state}
            <span class="badge-time">{formatSpan(Date.parse(order.expires_at) - now)}</span>
          </span>
          <Link href={tenantHref(order.tenant_id, props.query)}>{order.tenant_id}</Link>
          <strong>{order.integration}</strong>
        </p>
        <p>{order.reason}</p>
        <p class="muted small">
          By {order.created_by} at {timeText(props.zone).dateMinute(Date.parse(order.created_at))}, ends by itself at{' '}
          {timeText(props.zone).time(Date.parse(order.expires_at))}.
        </p>
      </div>
      {props.mayAct && (
        <AskButton
          class="button"
          label="Lift …"
          about={`${order.tenant_id} ${order.integration}`}
          title="Lift the order"
          action="Lift now"
          onConfirm={() => liftBreakerOrder(order.id)}
          onDone={props.onActed}
        >
          <p>
            The breaker of {order.tenant_id} for {order.integration} judges by itself again.
          </p>
        </AskButton>
      )}
    </section>
  );
}
