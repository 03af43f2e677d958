/**
 * Filters of SCIM (RFC 7644, 3.4.2.2), read into a tree; scim-match.ts works it out. Of our own,
 * because the library at hand (scimmy 1.3.5) multiplies `and` over `or`, so that 14 pairs take a second and 20 a minute,
 * reads `not (a and b)` as `not a and not b`, refuses escaped quotes, and hangs on a run of backslashes.
 */
import { ScimError } from './scim-errors.ts';
import { findAttribute, type ScimResourceType, withoutUrn } from './scim-schema.ts';

const MAX_LENGTH = 4_096;
const MAX_DEPTH = 20;
const OPERATORS = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const;
type Operator = (typeof OPERATORS)[number];
type Value = string | number | boolean | null;
export type Json = Readonly<Record<string, unknown>>;

/** `attribute` and `part` as the schema writes them; undefined: an attribute that is not kept, so nobody has it. */
export interface Target {
  readonly attribute: string | undefined;
  readonly part: string | undefined;
  readonly caseExact: boolean;
  readonly type: string;
}

export type ScimFilter =
  | { readonly kind: 'and' | 'or'; readonly sides: readonly ScimFilter[] }
  | { readonly kind: 'not'; readonly inner: ScimFilter }
  | { readonly kind: 'present'; readonly target: Target }
  | { readonly kind: 'compare'; readonly target: Target; readonly operator: Operator; readonly value: Value }
  /** Some one value of the attribute matches the whole of `inner`. */
  | { readonly kind: 'one'; readonly target: Target; readonly inner: ScimFilter };

interface Token {
  readonly kind: 'word' | 'text' | '(' | ')' | '[' | ']';
  readonly text: string;
}

function refusal(detail: string): ScimError {
  return new ScimError('invalidFilter', `The filter cannot be read: ${detail}.`);
}

/** Whatever starts at the sticky position is one of these; a string ends at its first quote without a backslash. */
const TOKEN = /\s*(?:([()[\]])|("(?:[^"\\]|\\.)*")|([^\s()[\]"]+))/suy;

function tokensOf(source: string): Token[] {
  if (source.length > MAX_LENGTH) throw refusal(`it has more than ${MAX_LENGTH} characters`);
  const text = source.trimEnd();
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const [whole, bracket, quoted, word] = TOKEN.exec(text) ?? [];
    if (whole === undefined) throw refusal(`something is wrong at character ${at + 1}`);
    if (bracket !== undefined) tokens.push({ kind: bracket as '(', text: bracket });
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: unquote(quoted) });
    else tokens.push({ kind: 'word', text: word ?? '' });
  }
  return tokens;
}

function unquote(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw refusal('a text is not written as in JSON');
  }
}

function literal(token: Token | undefined): Value {
  if (token?.kind === 'text') return token.text;
  if (token?.kind !== 'word') throw refusal('a value is missing');
  switch (token.text.toLowerCase()) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'null':
      return null;
    default:
      if (/^-?\d{1,15}(\.\d{1,15})?$/.test(token.text)) return Number(token.text);
      throw refusal('a value is neither a text in quotes nor a number, true, false or null');
  }
}

/** Reads tokens from the left; each level of parentheses is one call deeper. */
class Reader {
  readonly #tokens: readonly Token[];
  readonly #type: ScimResourceType;
  #at = 0;

  constructor(tokens: readonly Token[], type: ScimResourceType) {
    this.#tokens = tokens;
    this.#type = type;
  }

  whole(within: string | undefined): ScimFilter {
    const filter = this.#either(within, 0);
    if (this.#at < this.#tokens.length) throw refusal('there is something behind its end');
    return filter;
  }

  #either(within: string | undefined, depth: number): ScimFilter {
    if (depth > MAX_DEPTH) throw refusal(`it is nested deeper than ${MAX_DEPTH}`);
    const sides = [this.#all(within, depth)];
    while (this.#takesWord('or')) sides.push(this.#all(within, depth));
    return sides.length === 1 && sides[0] !== undefined ? sides[0] : { kind: 'or', sides };
  }

  #all(within: string | undefined, depth: number): ScimFilter {
    const sides = [this.#one(within, depth)];
    while (this.#takesWord('and')) sides.push(this.#one(within, depth));
    return sides.length === 1 && sides[0] !== undefined ? sides[0] : { kind: 'and', sides };
  }

  #one(within: string | undefined, depth: number): ScimFilter {
    const next = this.#tokens[this.#at];
    const isNot =
      next?.kind === 'word' && next.text.toLowerCase() === 'not' && this.#tokens[this.#at + 1]?.kind === '(';
    if (isNot) this.#at += 1;
    if (this.#takes('(')) {
      const inner = this.#either(within, depth + 1);
      if (!this.#takes(')')) throw refusal('a parenthesis is not closed');
      return isNot ? { kind: 'not', inner } : inner;
    }
    return this.#expression(within, depth);
  }

  #expression(within: string | undefined, depth: number): ScimFilter {
    const token = this.#next();
    if (token?.kind !== 'word') throw refusal('the name of an attribute is missing');
    const target = this.#target(token.text, within);
    if (within === undefined && this.#takes('[')) {
      const inner = this.#either(target.attribute ?? '', depth + 1);
      if (!this.#takes(']')) throw refusal('a bracket is not closed');
      return { kind: 'one', target, inner };
    }
    const word = this.#next()?.text.toLowerCase() ?? '';
    if (word === 'pr') return { kind: 'present', target };
    const operator = OPERATORS.find((one) => one === word);
    if (operator === undefined) throw refusal(`an operator is not one of ${OPERATORS.join(', ')}, pr`);
    return { kind: 'compare', target, operator, value: literal(this.#next()) };
  }

  /** `within`: the attribute whose parts are meant; '' where it is one that is not kept. */
  #target(written: string, within: string | undefined): Target {
    const nobodys = { attribute: undefined, part: undefined, caseExact: false, type: 'string' };
    if (within === '') return nobodys;
    const name = withoutUrn(this.#type, written);
    if (name === undefined) return nobodys;
    const [first = '', second, ...rest] = name.split('.');
    const found =
      within === undefined ? findAttribute(this.#type, first, second) : findAttribute(this.#type, within, name);
    if (found === 'passed over') return nobodys;
    if (found === undefined || rest.length > 0) throw refusal('it names an attribute that there is not');
    // Of several values without a part, `value` is meant (RFC 7644, 3.4.2.2).
    const { attribute, part = attribute.multiValued && attribute.parts?.find((one) => one.name === 'value') } = found;
    const { caseExact = false, type } = part || attribute;
    return { attribute: attribute.name, part: part ? part.name : undefined, caseExact, type };
  }

  #next(): Token | undefined {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    return token;
  }

  #takes(kind: Token['kind']): boolean {
    if (this.#tokens[this.#at]?.kind !== kind) return false;
    this.#at += 1;
    return true;
  }

  #takesWord(word: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false;
    this.#at += 1;
    return true;
  }
}

/**
 * `within`: the filter is that of a value path and names parts of this attribute.
 * @throws ScimError invalidFilter
 */
export function parseFilter(source: string, type: ScimResourceType, within?: string): ScimFilter {
  return new Reader(tokensOf(source), type).whole(within);
}

/** Texts that parts must be equal to for the filter to match; undefined: it says more than that. */
export function equalities(filter: ScimFilter): ReadonlyMap<string, Value> | undefined {
  const sides = filter.kind === 'and' ? filter.sides : [filter];
  const pairs = sides.flatMap((side): [string, Value][] =>
    side.kind === 'compare' && side.operator === 'eq' && side.target.attribute !== undefined
      ? [[side.target.part ?? side.target.attribute, side.value]]
      : [],
  );
  return pairs.length === sides.length ? new Map(pairs) : undefined;
}

/** The part and the text that are the whole of the filter, where no case is passed over; undefined: it says anything else. */
export function exactText(filter: ScimFilter): readonly [part: string, text: string] | undefined {
  if (filter.kind !== 'compare' || filter.operator !== 'eq' || typeof filter.value !== 'string') return undefined;
  const { part, caseExact } = filter.target;
  return part === undefined || !caseExact ? undefined : [part, filter.value];
}

/** A text that the attribute itself has to be equal to for the filter to match; undefined: none. */
export function requiredText(filter: ScimFilter, attribute: string): string | undefined {
  if (filter.kind === 'and') {
    for (const side of filter.sides) {
      const text = requiredText(side, attribute);
      if (text !== undefined) return text;
    }
    return undefined;
  }
  const isIt = filter.kind === 'compare' && filter.operator === 'eq' && filter.target.part === undefined;
  return isIt && filter.target.attribute === attribute && typeof filter.value === 'string' ? filter.value : undefined;
}
