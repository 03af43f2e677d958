/**
 * JSON whose numbers keep their digits. `JSON.parse` turns them into floats, and what was sent as 12345678901234567890
 * or 0.1000000000000000055 could not be added up exactly any more.
 */

/** A number as it stood in the text. */
export class JsonNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type ExactJson = null | boolean | string | JsonNumber | readonly ExactJson[] | ExactJsonObject;
export interface ExactJsonObject {
  readonly [name: string]: ExactJson;
}

/** Strings are passed over whole, so that digits within them stay text. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
/** Marks what was a number. Texts that contain it are refused: neither store can keep it. */
const MARK = '\u0000';

/** @throws SyntaxError for what is not JSON, or has the character U+0000 in a text */
export function parseExactJson(text: string): ExactJson {
  // First as it is: afterwards everything that the pattern takes for a number is one.
  JSON.parse(text, refuseMark);
  const marked = text.replace(STRING_OR_NUMBER, (token) => (token.startsWith('"') ? token : `"\\u0000${token}"`));
  return JSON.parse(marked, (_name, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? new JsonNumber(value.slice(1)) : value,
  ) as ExactJson;
}

/** The value as JSON, numbers with the digits that they came with. */
export function exactJsonText(value: ExactJson): string {
  if (value instanceof JsonNumber) return value.text;
  if (isList(value)) return `[${value.map(exactJsonText).join(',')}]`;
  if (!isExactObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${exactJsonText(member)}`)
    .join(',')}}`;
}

export function isExactObject(value: ExactJson | undefined): value is ExactJsonObject {
  return typeof value === 'object' && value !== null && !isList(value) && !(value instanceof JsonNumber);
}

/** Arrays, told from the rest in a way that the compiler follows for readonly ones. */
export function isList(value: ExactJson | undefined): value is readonly ExactJson[] {
  return Array.isArray(value);
}

function refuseMark(name: string, value: unknown): unknown {
  if (name.includes(MARK) || (typeof value === 'string' && value.includes(MARK))) {
    throw new SyntaxError('the character U+0000 cannot be kept');
  }
  return value;
}
