/**
 * Spreadsheets run a cell that begins like a formula. Such a text gets an apostrophe in front, which they do not show;
 * one that has apostrophes before the sign gets one more, so that taking one away gives back every text that was.
 */
export const FORMULA_LIKE = /^'*[=+\-@\t\r＝＋－＠]/;
const GUARDED = /^'+[=+\-@\t\r＝＋－＠]/;

export function guarded(text: string): string {
  return FORMULA_LIKE.test(text) ? `'${text}` : text;
}

/** Only for files that `guarded` wrote: elsewhere an apostrophe is an apostrophe. */
export function unguarded(cell: string): string {
  return GUARDED.test(cell) ? cell.slice(1) : cell;
}
