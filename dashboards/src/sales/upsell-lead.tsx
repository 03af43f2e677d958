import type { SignalItem } from '../../../src/api/signals-contract.ts';
import { formatAmount, signedAmount } from '../shared/money.ts';
import { Link } from '../shared/navigation.tsx';
import { formatSpan, type TimeText } from '../shared/time-format.ts';
import { sheetHref } from './quota-table.tsx';
import { EvidenceChart } from './upsell-chart.tsx';
import { DismissButton } from './upsell-dismiss.tsx';
import { SIGNAL_WORDS, signalTone } from './upsell-evidence.ts';
import type { Lead } from './upsell-model.ts';

interface LeadProps {
  readonly lead: Lead;
  readonly query: URLSearchParams;
  readonly clock: TimeText;
  readonly now: number;
  readonly onChanged: () => void;
}

/** One customer to talk to: what is seen, and what there is to offer. */
export function LeadCard(props: LeadProps) {
  const { lead, query } = props;
  const about = [lead.segment, lead.owner === null ? null : `owner ${lead.owner}`].filter((text) => text !== null);
  return (
    <li class="card lead" data-testid="lead" data-tenant={lead.tenantId}>
      <header class="lead-head">
        <h2>
          <Link class="tenant-link" href={sheetHref(lead.tenantId, query)}>
            {lead.name ?? lead.tenantId}
          </Link>
        </h2>
        <p class="muted small">
          {lead.name !== null && <code>{lead.tenantId}</code>}
          {lead.name !== null && about.length > 0 && ' · '}
          {about.join(' · ')}
        </p>
      </header>
      <ul class="lead-signals">
        {lead.signals.map((signal) => (
          <LeadSignal key={signal.id} signal={signal} {...props} />
        ))}
      </ul>
      <LeadOffer lead={lead} />
    </li>
  );
}

function LeadSignal(props: LeadProps & { signal: SignalItem }) {
  const { signal, clock, now } = props;
  const since = Date.parse(signal.since);
  return (
    <li class="lead-signal" data-signal={signal.kind}>
      <div class="lead-text">
        <p class="lead-kind">
          <span class={`badge ${signalTone(signal.kind)}`}>{SIGNAL_WORDS[signal.kind]}</span>
          <span class="muted small" title={clock.full(since)}>
            for {formatSpan(now - since)}
          </span>
        </p>
        <p>{signal.sentence}</p>
        {signal.dismissed !== null && (
          <p class="muted small">
            Put aside by {signal.dismissed.by}: {signal.dismissed.reason}
            {signal.dismissed.until !== null && `, until ${clock.dateMinute(Date.parse(signal.dismissed.until))}`}
          </p>
        )}
      </div>
      <EvidenceChart signal={signal} />
      {signal.status === 'open' && <DismissButton signal={signal} onDone={props.onChanged} />}
    </li>
  );
}

const FIT_WORDS = { fits: 'the plan now is large enough', none: 'no plan is large enough' } as const;

function LeadOffer({ lead }: { lead: Lead }) {
  const { fit, worth } = lead;
  return (
    <dl class="lead-offer">
      <div>
        <dt>Plan now</dt>
        <dd data-testid="plan-now">
          {lead.plan ?? 'none'}
          {lead.paid !== null && (
            <span class="muted"> {formatAmount(lead.paid.micro, lead.paid.currency)} a month</span>
          )}
        </dd>
      </div>
      <div>
        <dt>Plan that fits</dt>
        <dd data-testid="plan-fits">
          {fit.kind === 'larger' ? fit.plan : <span class="muted">{FIT_WORDS[fit.kind]}</span>}
        </dd>
      </div>
      <div>
        <dt>{fit.worth === null && worth !== null ? 'Lost a month' : 'Worth a month'}</dt>
        <dd class="lead-worth" data-testid="worth">
          {worth === null ? (
            <span class="muted" title="No price is known for the plans, or they are in different currencies">
              not known
            </span>
          ) : fit.worth === null ? (
            formatAmount(worth.micro, worth.currency)
          ) : (
            signedAmount(worth.micro, worth.currency)
          )}
        </dd>
      </div>
    </dl>
  );
}
