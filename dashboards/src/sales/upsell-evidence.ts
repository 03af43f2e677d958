/** The figures behind a signal as bars. */
import type { SignalItem } from '../../../src/api/signals-contract.ts';
import { formatCount, NO_VALUE } from '../shared/format.ts';
import { formatAmount } from '../shared/money.ts';
import { QUOTA_MARKS, wholePercent } from '../shared/quota-text.ts';

interface EvidenceBar {
  readonly label: string;
  /** What it measures, in its unit. */
  readonly text: string;
  /** Of the bar's whole length, 0 to 1; null: not known. */
  readonly ratio: number | null;
  readonly tone: 'plain' | 'warn' | 'bad';
}

export interface Evidence {
  readonly bars: readonly EvidenceBar[];
  /** Shares of the bars' length that are marked, such as 70, 90 and 100 % of a quota. */
  readonly marks: readonly number[];
}

export const SIGNAL_WORDS: Readonly<Record<SignalItem['kind'], string>> = {
  near_quota: 'Near a quota',
  growth: 'Growing',
  beyond_plan: 'Beyond its plan',
  negative_margin: 'Costs more than it pays',
  limited_experience: 'Held back by limits',
  shrinking: 'Shrinking',
};

/** Those that a larger plan answers, and those that need another talk. */
export function signalTone(kind: SignalItem['kind']): 'up' | 'down' {
  return kind === 'negative_margin' || kind === 'shrinking' ? 'down' : 'up';
}

type Figures = SignalItem['evidence']['figures'];

const numberOf = (figures: Figures, name: string): number | null => {
  const value = figures[name];
  return typeof value === 'number' ? value : null;
};

/** Bars on one scale, the largest as long as it gets. */
function compared(bars: readonly (Omit<EvidenceBar, 'ratio'> & { readonly value: number | null })[]): Evidence {
  const top = Math.max(...bars.map(({ value }) => value ?? 0), 0);
  return {
    bars: bars.map(({ value, ...bar }) => ({ ...bar, ratio: value === null ? null : top === 0 ? 0 : value / top })),
    marks: [],
  };
}

function quotaEvidence(figures: Figures): Evidence {
  const limit = numberOf(figures, 'limit');
  const rows = [
    { label: 'Now', share: numberOf(figures, 'share_now') },
    { label: 'Period before', share: numberOf(figures, 'share_before') },
  ].filter(({ label, share }) => label === 'Now' || share !== null);
  const top = Math.max(1, ...rows.map(({ share }) => share ?? 0));
  return {
    bars: rows.map(({ label, share }) => ({
      label,
      text: share === null ? NO_VALUE : `${wholePercent(share)}${limit === null ? '' : ` of ${formatCount(limit)}`}`,
      ratio: share === null ? null : share / top,
      tone: share === null || share < 0.9 ? 'plain' : share >= 1 ? 'bad' : 'warn',
    })),
    marks: QUOTA_MARKS.map((mark) => mark / top),
  };
}

function hours(seconds: number | null): string {
  return seconds === null ? NO_VALUE : `${(seconds / 3_600).toFixed(1)} h`;
}

/** What a signal's evidence looks like; no bars where its figures are single numbers that the sentence says. */
export function evidenceOf({ kind, evidence: { figures } }: SignalItem): Evidence {
  const of = (name: string) => numberOf(figures, name);
  switch (kind) {
    case 'near_quota':
      return quotaEvidence(figures);
    case 'growth':
    case 'shrinking':
      return compared([
        { label: 'Usual week', value: of('median_week'), text: formatCount(of('median_week')), tone: 'plain' },
        {
          label: 'Last week',
          value: of('last_week'),
          text: formatCount(of('last_week')),
          tone: kind === 'shrinking' ? 'bad' : 'plain',
        },
      ]);
    case 'negative_margin': {
      const currency = String(figures['currency'] ?? 'USD');
      const money = (name: string) => formatAmount(of(name), currency);
      return compared([
        { label: 'Pays', value: of('revenue_micro'), text: money('revenue_micro'), tone: 'plain' },
        { label: 'Costs', value: of('cost_micro'), text: money('cost_micro'), tone: 'bad' },
      ]);
    }
    case 'limited_experience':
      return compared([
        { label: 'Throttled', value: of('throttled_seconds'), text: hours(of('throttled_seconds')), tone: 'warn' },
        { label: 'Degraded', value: of('degraded_seconds'), text: hours(of('degraded_seconds')), tone: 'warn' },
      ]);
    case 'beyond_plan':
      return { bars: [], marks: [] };
  }
}
