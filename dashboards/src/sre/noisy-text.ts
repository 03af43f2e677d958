/** What the noisy-neighbours page says in words. Pure. */
import type { NeighborsAnswer } from '../../../src/api/neighbors-contract.ts';
import { formatDuration, formatShort, NO_VALUE } from '../shared/format.ts';
import { formatSpan } from '../shared/time-format.ts';

type Meter = 'cpu' | 'db' | 'requests';
export type Suspect = NeighborsAnswer['suspects'][number];

/** A verdict is about the past once its minute is over for so long: figures of a minute take a minute or two to come. */
const PRESENT_MS = 180_000;

const METER_NAMES: Readonly<Record<Meter, string>> = {
  cpu: 'CPU time',
  db: 'time in the database',
  requests: 'requests',
};

export function meterName(meter: Meter): string {
  return METER_NAMES[meter];
}

/** 6.1 s of CPU time; 620 requests. */
function amountText(meter: Meter, perMinute: number): string {
  if (meter === 'requests') return `${formatShort(perMinute)} requests`;
  return `${formatDuration(perMinute)} of ${meter === 'cpu' ? 'CPU time' : 'database time'}`;
}

const tenantsText = (count: number) => (count === 1 ? '1 tenant' : `${formatShort(count)} tenants`);

export interface Headline {
  readonly title: string;
  readonly tone: 'calm' | 'bad' | 'warn';
  /** When it was, if it is not now. */
  readonly when: string;
}

function titleOf(look: NeighborsAnswer, isNow: boolean): string {
  const { verdict, service, victims, suspects } = look;
  const slow = `${tenantsText(victims.length)} ${victims.length === 1 ? (isNow ? 'is' : 'was') : isNow ? 'are' : 'were'} slow on ${service}`;
  if (verdict === 'culprit') {
    const [first] = suspects;
    const others = victims.length === 0 ? 'itself' : tenantsText(victims.length);
    return `${first?.tenant_id ?? 'Somebody'} ${isNow ? 'slows' : 'slowed'} ${others} on ${service}`;
  }
  if (verdict === 'global_slowdown') return `${slow}, by nobody in particular`;
  return `${slow}; the figures do not say by whom`;
}

/** The verdict in one line; `now` is the end of what was looked at. */
export function headlineOf(look: NeighborsAnswer, now: number): Headline {
  if (look.service === null) return { title: 'No service answered requests in this window', tone: 'calm', when: '' };
  if (look.verdict === 'quiet' || look.at === null) {
    return { title: `Nobody is slowed by a neighbour on ${look.service}`, tone: 'calm', when: '' };
  }
  const age = now - Date.parse(look.at) - 60_000;
  const isNow = age < PRESENT_MS;
  const tone = !isNow ? 'calm' : look.verdict === 'culprit' ? 'bad' : 'warn';
  return { title: titleOf(look, isNow), tone, when: isNow ? 'right now' : `${formatSpan(age)} ago, quiet since` };
}

/** Why somebody is suspected, with the numbers. */
export function evidenceSentence({ evidence }: Suspect): string {
  const { meter, now, usual, excess_share: share } = evidence;
  const against =
    usual > 0 ? `${formatShort(now / usual)}x its usual ${amountText(meter, usual)}` : 'where it usually has none';
  const requests = `${formatShort(evidence.requests_per_minute)} requests a minute, usually ${formatShort(evidence.usual_requests_per_minute)}`;
  return `${amountText(meter, now)} a minute, ${against}: ${percentText(share)} of all that tenants use above their usual. It sends ${requests}.`;
}

/** With one decimal, so that shares under each other compare at a glance. */
export function percentText(share: number): string {
  return share > 0 && share < 0.001 ? '<0.1%' : `${(share * 100).toFixed(1)}%`;
}

/** 41.0%, usually 8.0%. */
export function shareText(share: number, usual: number | null): string {
  return `${percentText(share)}, usually ${usual === null ? 'unknown' : percentText(usual)}`;
}

export function latencyText(p95: number | null, usual: number | null): string {
  if (p95 === null) return NO_VALUE;
  return `${formatDuration(p95)}, usually ${usual === null ? 'unknown' : formatDuration(usual)}`;
}
