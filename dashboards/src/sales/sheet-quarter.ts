/** Calendar quarters in UTC: what a customer sheet is about. */
export interface Quarter {
  /** `2026-Q4`. */
  readonly id: string;
  /** `October to December 2026`. */
  readonly name: string;
  /** Unix ms, half-open. */
  readonly from: number;
  readonly to: number;
}

const DAY_MS = 86_400_000;
const month = new Intl.DateTimeFormat('en-GB', { month: 'long', timeZone: 'UTC' });
const shortMonth = new Intl.DateTimeFormat('en-GB', { month: 'short', timeZone: 'UTC' });

function quarterOf(year: number, index: number): Quarter {
  const from = Date.UTC(year, index * 3);
  const to = Date.UTC(year, index * 3 + 3);
  const real = new Date(from);
  const name = `${month.format(from)} to ${month.format(to - DAY_MS)} ${real.getUTCFullYear()}`;
  return { id: `${real.getUTCFullYear()}-Q${Math.floor(real.getUTCMonth() / 3) + 1}`, name, from, to };
}

export function quarterAt(ms: number): Quarter {
  const date = new Date(ms);
  return quarterOf(date.getUTCFullYear(), Math.floor(date.getUTCMonth() / 3));
}

export function quarterBefore({ from }: Quarter): Quarter {
  return quarterAt(from - DAY_MS);
}

/** The quarter that an address names, else the one that `now` lies in. One that has not begun is not taken. */
export function quarterFromQuery(query: URLSearchParams, now: number): Quarter {
  const match = /^(20\d\d)-Q([1-4])$/.exec(query.get('quarter') ?? '');
  const present = quarterAt(now);
  if (match === null) return present;
  const asked = quarterOf(Number(match[1]), Number(match[2]) - 1);
  return asked.from > now ? present : asked;
}

/** The present quarter and those before it, newest first. */
export function quartersUpTo(now: number, count: number): readonly Quarter[] {
  const quarters = [quarterAt(now)];
  while (quarters.length < count) quarters.push(quarterBefore(quarters.at(-1) ?? quarterAt(now)));
  return quarters;
}

export interface QuarterMonth {
  /** `Oct`. */
  readonly name: string;
  /** `2026-10`. */
  readonly id: string;
  readonly from: number;
  /** A moment within the month that has passed: its last millisecond, or now while it runs. */
  readonly at: number;
  readonly isRunning: boolean;
}

/** The quarter's months that have begun. */
export function monthsOf(quarter: Quarter, now: number): readonly QuarterMonth[] {
  const year = new Date(quarter.from).getUTCFullYear();
  const first = new Date(quarter.from).getUTCMonth();
  return [0, 1, 2]
    .map((step) => ({ from: Date.UTC(year, first + step), to: Date.UTC(year, first + step + 1) }))
    .filter(({ from }) => from <= now)
    .map(({ from, to }) => ({
      ...{ name: shortMonth.format(from), id: new Date(from).toISOString().slice(0, 7), from },
      ...{ at: Math.min(to - 1, now), isRunning: to > now },
    }));
}

/** How much of the quarter has passed, in days; a quarter that is over has passed whole. */
export function daysPassed({ from, to }: Quarter, now: number): number {
  return (Math.min(to, now) - from) / DAY_MS;
}
