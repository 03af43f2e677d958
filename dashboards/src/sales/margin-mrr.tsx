import type { RevenueAnswer } from '../../../src/api/contract.ts';
import { formatCount } from '../shared/format.ts';
import { exactAmount, formatAmount, signedAmount } from '../shared/money.ts';
import { bridgeOf } from './margin-bridge.ts';

/** How monthly recurring revenue got from the start to the end of the days; one for each currency. */
export function MrrBridge(props: { movement: RevenueAnswer['movements'][number]; label: string }) {
  const { movement } = props;
  const { currency, unknown_tenants: unknown } = movement;
  const { steps, residualMicro } = bridgeOf(movement);
  return (
    <section class="card bridge" aria-label={`Recurring revenue in ${currency}`} data-testid={`mrr-${currency}`}>
      <div class="section-head">
        <h3>
          Monthly recurring revenue in {currency}, {props.label}
        </h3>
        <p class={`checked${residualMicro === 0 ? '' : ' bad'}`}>
          {residualMicro === 0 ? 'Adds up: checked' : `Does not add up by ${formatAmount(residualMicro, currency)}`}
        </p>
      </div>
      {steps.map((step) => (
        <div key={step.id} class={`bridge-row ${step.kind}${step.kind === 'stand' ? ' total' : ''}`}>
          <span>{step.label}</span>
          <span class="bridge-track" aria-hidden="true">
            {step.width > 0 && <span style={{ left: `${step.from}%`, width: `${step.width}%` }} />}
          </span>
          <span class="amount" data-testid={`mrr-${step.id}`} title={exactAmount(step.micro, currency)}>
            {step.kind === 'stand' ? formatAmount(step.micro, currency) : signedAmount(step.micro, currency)}
          </span>
        </div>
      ))}
      {unknown > 0 && (
        <p class="muted small">
          {formatCount(unknown)} {unknown === 1 ? 'tenant has' : 'tenants have'} a subscription whose price is not
          known: in no figure here.
        </p>
      )}
    </section>
  );
}
