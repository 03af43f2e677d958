/**
 * Spreadsheets run a cell that begins like a formula. Such a text gets an apostrophe in front, which they do not show;
 * one that has apostrophes before the sign gets one more, so that taking one away gives back every text that was. NUL is
 * passed over, as some readers do.
 */
export const FORMULA_LIKE = /^['\0]*[=+\-@\t\r\n＝＋－＠]/;
const GUARDED = /^'['\0]*[=+\-@\t\r\n＝＋－＠]/;

export function guarded(text: string): string {
  return FORMULA_LIKE.test(text) ? `'${text}` : text;
}

/** Only for files that `guarded` wrote: elsewhere an apostrophe is an apostrophe. */
export function unguarded(cell: string): string {
  return GUARDED.test(cell) ? cell.slice(1) : cell;
}
