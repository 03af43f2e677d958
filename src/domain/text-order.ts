/** For `sort`: by code unit and not by locale, as an order must be the same on every machine. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
