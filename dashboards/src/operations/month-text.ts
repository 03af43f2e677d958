/** Months as the API writes them: 2026-10, in UTC. */
const NAMES = new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' });

function shifted(month: string, by: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  return new Date(Date.UTC(year, number - 1 + by)).toISOString().slice(0, 7);
}

export function monthAfter(month: string): string {
  return shifted(month, 1);
}

export function monthBefore(month: string): string {
  return shifted(month, -1);
}

/** "October 2026" */
export function monthName(month: string): string {
  return NAMES.format(Date.parse(`${month}-01T00:00:00Z`));
}

export function isMonth(text: string): boolean {
  return /^20\d{2}-(0[1-9]|1[0-2])$/.test(text);
}
