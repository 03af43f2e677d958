/** The prices of one model over time, as lanes of bars. */
import type { PriceItem } from '../../../src/api/prices-contract.ts';
import { dateText, subjectText, termsText } from './price-text.ts';

interface TimelineBar {
  readonly id: string;
  /** Of the width, 0 to 100. */
  readonly left: number;
  readonly width: number;
  readonly label: string;
  readonly title: string;
  readonly holdsNow: boolean;
  readonly layer: PriceItem['layer'];
}

interface TimelineLane {
  readonly subject: string;
  readonly bars: readonly TimelineBar[];
}

export interface Timeline {
  readonly lanes: readonly TimelineLane[];
  readonly from: number;
  readonly to: number;
  /** Place of now, 0 to 100. */
  readonly nowAt: number;
}

const DAY_MS = 86_400_000;
/** What began before all dates, and what has no end, still needs a piece of the picture. */
const MARGIN = 0.15;

/** One lane for each layer, kind, variant and time of day; open ends reach to the edge. `now`: Unix ms. */
export function timelineOf(prices: readonly PriceItem[], now: number): Timeline {
  const dates = prices.flatMap(({ effective_from, effective_to }) =>
    [effective_from, effective_to].flatMap((date) => (date === null ? [] : [Date.parse(date)])),
  );
  const first = Math.min(now - 30 * DAY_MS, ...dates);
  const last = Math.max(now + DAY_MS, ...dates);
  const margin = (last - first) * MARGIN;
  const [from, to] = [first - margin, last + margin];
  const at = (time: number) => ((time - from) / (to - from)) * 100;
  const lanes = new Map<string, TimelineBar[]>();
  const sorted = prices.toSorted((a, b) => (a.effective_from ?? '').localeCompare(b.effective_from ?? ''));
  for (const price of sorted) {
    const begins = price.effective_from === null ? from : Date.parse(price.effective_from);
    const ends = price.effective_to === null ? to : Date.parse(price.effective_to);
    const lane = laneName(price);
    lanes.set(lane, [
      ...(lanes.get(lane) ?? []),
      {
        id: price.id,
        left: at(begins),
        width: at(ends) - at(begins),
        label: termsText(price),
        title: `${termsText(price)}, ${dateText(price.effective_from, 'since ever')} to ${dateText(price.effective_to, 'further notice')}, ${price.source}`,
        holdsNow: begins <= now && now < ends,
        layer: price.layer,
      },
    ]);
  }
  const named = [...lanes].map(([subject, bars]) => ({ subject, bars }));
  return { lanes: named.toSorted((a, b) => a.subject.localeCompare(b.subject)), from, to, nowAt: at(now) };
}

function laneName(price: PriceItem): string {
  const subject = subjectText(price);
  if (price.layer === 'tenant') return `${subject}, ${price.tenant_id ?? 'a tenant'}`;
  return price.layer === 'contract' ? `${subject}, contract ${price.contract ?? ''}` : subject;
}
