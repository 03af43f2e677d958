import type { ComponentChildren } from 'preact';
import { formatAiCost, formatDuration, formatPercent, formatShort, NO_VALUE } from '../shared/format.ts';
import { formatAmount } from '../shared/money.ts';
import { QuotaBar } from '../shared/quota-bar.tsx';
import { quotaName, quotaTone, quotaValue, wholePercent } from '../shared/quota-text.ts';
import type { SheetFacts } from './sheet-api.ts';
import { WeekChart } from './sheet-chart.tsx';
import {
  formatAvailability,
  formatChange,
  quotaLines,
  reliabilityOf,
  type SheetMetric,
  usageTrend,
} from './sheet-model.ts';
import { type Quarter, quarterBefore } from './sheet-quarter.ts';

export interface SheetProps {
  readonly facts: SheetFacts;
  readonly quarter: Quarter;
  readonly now: number;
}

export function SheetSection(props: { title: string; note?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="sheet-section">
      <h2>{props.title}</h2>
      {props.children}
      {props.note !== undefined && <p class="sheet-note">{props.note}</p>}
    </section>
  );
}

export function SheetFigure(props: {
  label: string;
  value: ComponentChildren;
  sub?: ComponentChildren;
  testId?: string;
}) {
  return (
    <div class="sheet-figure">
      <dt>{props.label}</dt>
      <dd class="sheet-value" data-testid={props.testId}>
        {props.value}
      </dd>
      {props.sub !== undefined && <dd class="sheet-sub">{props.sub}</dd>}
    </div>
  );
}

const METRIC_WORDS: Readonly<Record<SheetMetric, string>> = { requests: 'Requests', ai_tokens: 'AI tokens' };

/** What was used, week by week, beside the quarter before. */
export function UsageSection({ facts, quarter, now }: SheetProps) {
  const { tenant, usage: item, usageBefore: before } = facts;
  const previous = quarterBefore(quarter);
  const firstSeen = Date.parse(tenant?.first_seen_at ?? '');
  return (
    <SheetSection title="Usage of the quarter" note={`A bar a week. Change: per day, against ${previous.name}.`}>
      <div class="sheet-usage">
        {(['requests', 'ai_tokens'] as const).map((metric) => {
          const trend = usageTrend(metric, { item, before, quarter, previous, firstSeen, now });
          return (
            <div key={metric} class="sheet-trend">
              <p class="sheet-trend-head">
                <strong>{METRIC_WORDS[metric]}</strong>
                <span data-testid={`total-${metric}`}>
                  {trend.total === null ? NO_VALUE : formatShort(trend.total)}
                </span>
                <span class="muted">{formatChange(trend.change)}</span>
              </p>
              <WeekChart weeks={trend.weeks} label={METRIC_WORDS[metric]} />
            </div>
          );
        })}
      </div>
    </SheetSection>
  );
}

/** Use of each month against what the plan includes. */
export function QuotaSection({ facts }: SheetProps) {
  const { lines, more } = quotaLines(facts.quotas);
  if (lines.length === 0) {
    return (
      <SheetSection title="Use against the plan">
        <p class="muted">
          {facts.tenant?.plan == null
            ? 'Not on a plan, so there is nothing to compare with.'
            : 'The plan has no monthly quotas.'}
        </p>
      </SheetSection>
    );
  }
  return (
    <SheetSection title="Use against the plan" note={more > 0 ? `And ${more} more, less full.` : undefined}>
      <table class="sheet-table">
        <thead>
          <tr>
            <th scope="col" class="left">
              Quota
            </th>
            {facts.months.map(({ id, name, isRunning }) => (
              <th key={id} scope="col">
                {name}
                {isRunning && ' so far'}
              </th>
            ))}
            <th scope="col">Included</th>
            <th scope="col">{facts.months.at(-1)?.isRunning ? 'So far' : 'Last month'}</th>
          </tr>
        </thead>
        <tbody>
          {lines.map(({ quota, months }) => (
            <tr key={quota.key} data-quota={quota.key}>
              <th scope="row" class="left">
                {quotaName(quota)}
              </th>
              {months.map((month, index) => (
                <td key={facts.months[index]?.id} class={month?.state === 'reached_100' ? 'bad-text' : undefined}>
                  {month === null ? NO_VALUE : quotaValue(month.used, month)}
                </td>
              ))}
              <td>{quotaValue(quota.limit, quota)}</td>
              <td>
                <span class="quota-bar-cell">
                  <QuotaBar share={quota.share} tone={quotaTone(quota.state)} label={`${quotaName(quota)} used`} />
                  <span>{wholePercent(quota.share)}</span>
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </SheetSection>
  );
}

const beforeText = (text: string) =>
  text === NO_VALUE ? 'not known in the quarter before' : `${text} the quarter before`;

/** How well it was served. */
export function ReliabilitySection({ facts }: SheetProps) {
  const now = reliabilityOf(facts.figures);
  const before = reliabilityOf(facts.figuresBefore);
  return (
    <SheetSection
      title="Reliability it got"
      note="Availability: share of requests that were answered without an error."
    >
      <dl class="sheet-figures three">
        <SheetFigure
          label="Availability"
          value={formatAvailability(now.availability)}
          sub={beforeText(formatAvailability(before.availability))}
          testId="availability"
        />
        <SheetFigure
          label="Errors"
          value={formatPercent(now.errorRate)}
          sub={beforeText(formatPercent(before.errorRate))}
          testId="error-rate"
        />
        <SheetFigure
          label="Latency, P95"
          value={formatDuration(now.p95Ms)}
          sub={beforeText(formatDuration(before.p95Ms))}
          testId="p95"
        />
      </dl>
    </SheetSection>
  );
}

/** What its AI calls came to, and the cap they are held to. */
export function AiSection({ facts }: SheetProps) {
  const { figures, caps } = facts;
  const cost = figures === undefined ? undefined : formatAiCost(figures);
  const cap = caps.find(({ key, model }) => key === null && model === null) ?? caps[0];
  return (
    <SheetSection
      title="AI spend"
      note="At list prices or those of the price book. Calls without a known price are in no sum."
    >
      <dl class="sheet-figures three">
        <SheetFigure
          label="In the quarter"
          value={cost?.text ?? NO_VALUE}
          sub={cost?.note || undefined}
          testId="ai-spend"
        />
        <SheetFigure label="Calls" value={figures === undefined ? NO_VALUE : formatShort(figures.ai_calls)} />
        <SheetFigure
          label="Cap"
          value={cap === undefined ? 'none' : `${formatAmount(cap.amount_micro, cap.currency)} a ${cap.period}`}
          sub={cap === undefined ? undefined : `${formatAmount(cap.used_micro, cap.currency)} used in this one`}
        />
      </dl>
    </SheetSection>
  );
}
