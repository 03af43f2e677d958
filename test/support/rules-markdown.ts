/**
 * Rows of the table between `<!-- name -->` and the next `<!-- name -->` or `<!-- /name -->`, heading and rule left out;
 * cells without surrounding space and backticks.
 */
export function tableBetween(markdown: string, name: string): string[][] {
  const marked = new RegExp(`<!-- ${name} -->([\\s\\S]*?)<!-- /?${name} -->`).exec(markdown)?.[1];
  if (marked === undefined) throw new Error(`there is no part between <!-- ${name} --> and <!-- /${name} -->`);
  const rows = marked
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('|'))
    .map((line) => line.replace(/^\||\|$/g, '').split(/(?<!\\)\|/))
    .map((cells) => cells.map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')));
  return rows.slice(2);
}

/** What is written but not real, and real but not written; both empty when text and code agree. */
export function differences(written: readonly string[], real: readonly string[]) {
  return {
    undocumented: real.filter((name) => !written.includes(name)),
    invented: written.filter((name) => !real.includes(name)),
    twice: written.filter((name, index) => written.indexOf(name) !== index),
  };
}

export const AGREED = { undocumented: [], invented: [], twice: [] };
