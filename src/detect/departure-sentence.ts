import { weekHourName } from './calendar.ts';
import { figure } from './explain.ts';
import type { MetricNature } from './metric-kind.ts';
import type { Basis, Departure } from './minute-watch.ts';

/**
 * Why, in one sentence with its numbers: "acme sent 4.1x its usual Tuesday-10:00 requests (8,240 against 2,010) for 3 of 5
 * minutes". The same on every machine, whatever its locale.
 */
export function departureSentence(tenantId: string, nature: MetricNature, departure: Departure): string {
  const { value, baseline, ratio, minutesAbove, minutesSeen, startedAt, basis } = departure;
  const compared = `${grouped(value)} against ${grouped(baseline)}`;
  const unit = nature.kind === 'count' ? ' a minute' : '';
  const lasted = `for ${minutesAbove} of ${minutesSeen} minutes`;
  const what = WHAT[basis](nature.noun, weekHourName(startedAt));
  return `${tenantId} ${nature.verb} ${figure(ratio)}x ${what} (${compared}${unit}) ${lasted}`;
}

const WHAT: Readonly<Record<Basis, (noun: string, hour: string) => string>> = {
  season: (noun, hour) => `its usual ${hour} ${noun}`,
  level: (noun) => `its usual ${noun}`,
  peak: (noun) => `the ${noun} that its daily peaks make usual at any hour`,
  recent: (noun) => `the ${noun} that it had come up to`,
};

/** Whole numbers from 100 on, with commas between thousands; below that as `figure`. */
function grouped(value: number): string {
  if (Math.abs(value) < 100) return figure(value);
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}
