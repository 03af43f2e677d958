const MOST_TAGS = 200;
const LONGEST_KEY = 256;
const LONGEST_VALUE = 1_024;

/**
 * Tags as exports write them: a JSON object (FOCUS), an array of {key, value} (GCP, maps in Parquet), pairs without
 * braces (Azure's older exports), or `key=value;key=value`. Undefined when the text is none of these.
 */
export function parseTags(text: string): Readonly<Record<string, string>> | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return {};
  if (trimmed.startsWith('"')) return fromJson(`{${trimmed}}`);
  if (trimmed.startsWith('{') || trimmed.startsWith('[')) return fromJson(trimmed);
  return fromPairs(trimmed);
}

function fromJson(text: string): Record<string, string> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (Array.isArray(value)) return fromEntries(value.map(entryOf));
  return typeof value === 'object' && value !== null ? fromEntries(Object.entries(value)) : undefined;
}

function entryOf(item: unknown): readonly [unknown, unknown] {
  if (Array.isArray(item)) return [item[0], item[1]];
  const { key, value } = (typeof item === 'object' && item !== null ? item : {}) as { key?: unknown; value?: unknown };
  return [key, value];
}

function fromPairs(text: string): Record<string, string> | undefined {
  const pairs = text.split(';').filter((pair) => pair.trim() !== '');
  if (!pairs.every((pair) => pair.indexOf('=') > 0)) return undefined;
  return fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1).trim()]),
  );
}

/** A key without a value is a tag with an empty one (FOCUS writes true or null there). */
function fromEntries(entries: readonly (readonly [unknown, unknown])[]): Record<string, string> | undefined {
  if (entries.length > MOST_TAGS) return undefined;
  const tags: [string, string][] = [];
  for (const [key, value] of entries) {
    if (typeof key !== 'string' || key === '' || key.length > LONGEST_KEY) return undefined;
    if (typeof value === 'object' && value !== null) return undefined;
    const text = value === null || value === undefined ? '' : String(value);
    if (text.length > LONGEST_VALUE) return undefined;
    tags.push([key, text]);
  }
  return Object.fromEntries(tags.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Tags from columns of their own and from a column of all of them; the same key twice: the column of its own counts. */
export function mergeTags(
  all: Readonly<Record<string, string>>,
  own: readonly (readonly [key: string, value: string])[],
): Readonly<Record<string, string>> {
  const given = own.filter(([, value]) => value !== '');
  return given.length === 0 ? all : { ...all, ...Object.fromEntries(given) };
}
