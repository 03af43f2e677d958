/** Times are unix minutes here: the clock of every minute series. UTC throughout. */
export const HOUR = 60;
export const DAY = 1_440;
export const HOURS_A_DAY = 24;
export const HOURS_A_WEEK = 168;

/** 1970-01-01 was a Thursday: four days after the Sunday that weeks are counted from here. */
const EPOCH_WEEK_HOUR = 4 * HOURS_A_DAY;

export function hourOf(minute: number): number {
  return Math.floor(minute / HOUR);
}

export function dayOf(minute: number): number {
  return Math.floor(minute / DAY);
}

/** 0 = Sunday 00:00 to 167 = Saturday 23:00. */
export function weekHour(hour: number): number {
  return (hour + EPOCH_WEEK_HOUR) % HOURS_A_WEEK;
}

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;

/** As people say it: `Tuesday-10:00`. */
export function weekHourName(minute: number): string {
  const hour = weekHour(hourOf(minute));
  const weekday = WEEKDAYS[Math.floor(hour / HOURS_A_DAY)] ?? WEEKDAYS[0];
  return `${weekday}-${String(hour % HOURS_A_DAY).padStart(2, '0')}:00`;
}
