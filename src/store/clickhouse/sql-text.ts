/** A ClickHouse string literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A map of texts as ClickHouse writes it in a SET, before it is quoted as a whole. */
export function mapLiteral(entries: Readonly<Record<string, string>>): string {
  return `{${Object.entries(entries)
    .map(([key, value]) => `${quoted(key)}:${quoted(value)}`)
    .join(',')}}`;
}
