/** Model names with `*` for any text. No regular expressions: people type these, and a pattern must not run for ever. */

export function isGlob(pattern: string): boolean {
  return pattern.includes('*');
}

/** Whether the whole of `text` fits; both in the same case. Takes time in proportion to the length of the text and the number of stars. */
export function globMatches(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let from = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, from);
    if (found < 0 || found + part.length > end) return false;
    from = found + part.length;
  }
  return true;
}
