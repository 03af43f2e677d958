import type { KnownPeak } from '../domain/automation.ts';
import { EVERY_TENANT } from '../domain/breaker.ts';
import type { ZoneOffset } from '../domain/calendar-period.ts';
import { DAY_MS, MINUTE_MS } from '../domain/window.ts';
import type { PolicyEvidence } from './policy-evidence.ts';

type Expected = PolicyEvidence['peaks'][number];

/** No weekly peak lasts longer, so none that holds began more days ago. */
const LONGEST_DAYS = 7;

/**
 * The times around `now` (Unix ms) in which the calendar expects much load. Weekly ones go by the clocks of their zone:
 * nine in the morning stays nine when the clocks change.
 */
export function expectedLoad(
  peaks: readonly KnownPeak[],
  now: number,
  zoneOffset: (timeZone: string) => ZoneOffset,
): readonly Expected[] {
  return peaks.flatMap((peak): Expected[] => {
    const { name, time } = peak;
    const tenantId = peak.tenantId === EVERY_TENANT ? null : peak.tenantId;
    const windows = time.kind === 'once' ? [time] : weekly(time, now, zoneOffset(time.timeZone));
    return windows
      .filter(({ from, to }) => from <= now && now < to)
      .map(({ from, to }) => ({ from, to, name, tenantId }));
  });
}

function weekly(
  time: Extract<KnownPeak['time'], { kind: 'weekly' }>,
  now: number,
  offset: ZoneOffset,
): readonly { readonly from: number; readonly to: number }[] {
  const { weekdays, startMinute, lengthMinutes } = time;
  const today = Math.floor((now + offset(now) * MINUTE_MS) / DAY_MS) * DAY_MS;
  return Array.from({ length: LONGEST_DAYS + 1 }, (_, ago) => today - ago * DAY_MS)
    .filter((day) => weekdays.includes(((new Date(day).getUTCDay() + 6) % 7) + 1))
    .map((day) => {
      const from = instantOf(day + startMinute * MINUTE_MS, offset);
      return { from, to: from + lengthMinutes * MINUTE_MS };
    });
}

/** When the clocks of the zone show `wall`; twice, as the offset is that of the instant and not of the wall clock. */
function instantOf(wall: number, offset: ZoneOffset): number {
  const guess = wall - offset(wall) * MINUTE_MS;
  return wall - offset(guess) * MINUTE_MS;
}
