import { Loaded } from '../shared/loaded.tsx';
import { formatAmount, signedAmount } from '../shared/money.ts';
import { useLive } from '../shared/use-live.ts';
import { internalFacts, type SheetFacts } from './sheet-api.ts';
import { SheetFigure, type SheetProps, SheetSection } from './sheet-sections.tsx';
import { SIGNAL_WORDS } from './upsell-evidence.ts';
import { type Money, planThatFits } from './upsell-plans.ts';

/** So many sentences fit on the page. */
const MOST_SIGNALS = 4;
const MICRO = 1e6;

export function paidOf(facts: SheetFacts): Money | null {
  const row = facts.revenue.find(({ mrr_micro }) => mrr_micro !== null);
  return row === undefined ? null : { micro: Number(row.mrr_micro), currency: row.currency };
}

/** What is seen, and the plan to talk about. What speaks of the operator's cost is left to the internal part. */
export function AdviceSection({ facts }: SheetProps) {
  const open = facts.signals.filter(({ kind }) => kind !== 'negative_margin');
  const fit = planThatFits(facts.plans, facts.tenant?.plan ?? null, {
    ...{ signals: open, quotas: facts.quotas.at(-1) ?? [], paid: paidOf(facts) },
  });
  return (
    <SheetSection title="What we see, and suggest">
      {open.length === 0 && <p class="muted">No signals: use, growth and limits are as usual.</p>}
      <ul class="sheet-signals">
        {open.slice(0, MOST_SIGNALS).map((signal) => (
          <li key={signal.id}>
            <strong>{SIGNAL_WORDS[signal.kind]}.</strong> {signal.sentence}.
          </li>
        ))}
        {open.length > MOST_SIGNALS && <li class="muted">And {open.length - MOST_SIGNALS} more.</li>}
      </ul>
      {open.length > 0 && (
        <p data-testid="suggestion">
          {fit.kind === 'larger' ? (
            <>
              <strong>Suggestion:</strong> plan {fit.plan}
              {fit.worth !== null && `, ${signedAmount(fit.worth.micro, fit.worth.currency)} a month`}.
            </>
          ) : fit.kind === 'none' ? (
            'No plan that is defined holds this use: an agreement of its own is needed.'
          ) : (
            'The present plan is large enough.'
          )}
        </p>
      )}
    </SheetSection>
  );
}

const GAPS: Readonly<Record<string, string>> = {
  no_revenue: 'no revenue is known',
  no_costs: 'no bills are imported',
  unpriced_ai: 'AI calls without a price',
  currency: 'cost and revenue are in different currencies',
};

/** Cost and margin, marked so that nobody sends them by mistake. */
export function InternalSection({ facts, quarter, now }: SheetProps) {
  const tenantId = facts.tenant?.tenant_id ?? '';
  const live = useLive(
    `internal ${tenantId} ${quarter.id}`,
    (signal) => internalFacts(tenantId, quarter, now, signal),
    null,
  );
  const loss = facts.signals.find(({ kind }) => kind === 'negative_margin');
  return (
    <section class="sheet-section sheet-internal" data-testid="internal">
      <h2>
        Internal: not for the customer <span class="badge anomaly">Internal</span>
      </h2>
      <Loaded live={live}>
        {({ margin, currency, advice }) => (
          <>
            <dl class="sheet-figures three">
              <SheetFigure label="Revenue" value={formatAmount(margin?.revenue_micro ?? null, currency)} />
              <SheetFigure label="Cost" value={formatAmount(margin?.cost_micro ?? null, currency)} testId="cost" />
              <SheetFigure
                label="Margin"
                value={formatAmount(margin?.margin_micro ?? null, currency)}
                sub={
                  margin?.margin_percent == null
                    ? `not known: ${GAPS[margin?.gap ?? 'no_costs'] ?? 'nothing is recorded'}`
                    : `${margin.margin_percent.toFixed(1)}% of revenue`
                }
              />
            </dl>
            {loss !== undefined && <p>{loss.sentence}.</p>}
            {advice !== undefined && <p>{advice.sentence}.</p>}
          </>
        )}
      </Loaded>
    </section>
  );
}

/** What the plan costs a month by its own price. */
export function planPrice(facts: SheetFacts): string | null {
  const price = facts.plans.find(({ plan }) => plan === facts.tenant?.plan)?.terms?.price ?? null;
  return price === null ? null : formatAmount(price.amount_micro, price.currency);
}

/** Revenue of the quarter, by currency. */
export function revenueText({ revenue }: SheetFacts): string | null {
  const paid = revenue.filter(({ revenue_micro }) => Math.abs(Number(revenue_micro)) >= 1 / MICRO);
  return paid.length === 0 ? null : paid.map((row) => formatAmount(row.revenue_micro, row.currency)).join(', ');
}
