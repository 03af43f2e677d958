/** Works out filters of SCIM on resources as they would be sent. */
import { ScimError } from './scim-errors.ts';
import type { Json, ScimFilter, Target } from './scim-filter.ts';

/** Comparisons that one request may cost: about 0.2 s, in which nobody else is served. 40 with each of as many users. */
const MOST_COMPARISONS = 200_000;

/** Counts what a request has compared: a short filter on a full directory is as dear as a long one on a small one. */
export class Effort {
  #left = MOST_COMPARISONS;

  /** @throws ScimError tooMany when the request has had its share */
  spend(comparisons: number): void {
    this.#left -= comparisons;
    if (this.#left >= 0) return;
    throw new ScimError('tooMany', 'There is more to compare than one request may ask for: use a shorter filter.');
  }
}

function valuesAt(resource: Json, { attribute, part }: Target, insideOne: boolean): readonly unknown[] {
  if (attribute === undefined) return [];
  const whole = insideOne ? [resource] : [own(resource, attribute)].flat();
  const values = part === undefined ? whole : whole.map((one) => own(one, part));
  return values.filter((value) => value !== undefined && value !== null && value !== '');
}

function own(holder: unknown, name: string): unknown {
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name)
    ? (holder as Json)[name]
    : undefined;
}

function holds(actual: unknown, { target, operator, value }: Extract<ScimFilter, { kind: 'compare' }>): boolean {
  const [left, right] = [comparable(actual, target), comparable(value, target)];
  if (typeof left !== typeof right) return false;
  switch (operator) {
    case 'eq':
    case 'ne':
      return left === right;
    case 'gt':
      return left > right;
    case 'ge':
      return left >= right;
    case 'lt':
      return left < right;
    case 'le':
      return left <= right;
    case 'co':
      return areTexts(left, right, (whole, part) => whole.includes(part));
    case 'sw':
      return areTexts(left, right, (whole, part) => whole.startsWith(part));
    case 'ew':
      return areTexts(left, right, (whole, part) => whole.endsWith(part));
  }
}

function areTexts(left: unknown, right: unknown, isSo: (whole: string, part: string) => boolean): boolean {
  return typeof left === 'string' && typeof right === 'string' && isSo(left, right);
}

/** Directories write booleans as texts, too. Values of other kinds are unequal to all. */
function comparable(value: unknown, { caseExact, type }: Target): string | number | boolean {
  if (type === 'boolean' && typeof value === 'string' && /^(true|false)$/i.test(value)) return /^true$/i.test(value);
  if (type === 'dateTime' && typeof value === 'string') return Date.parse(value);
  if (typeof value === 'string') return caseExact ? value : value.toLowerCase();
  return typeof value === 'number' || typeof value === 'boolean' ? value : '\u0000';
}

/**
 * Whether a resource as it would be sent, or with `insideOne` one value of an attribute of it, fits the filter.
 * @throws ScimError tooMany when `effort` is at its end
 */
export function matches(filter: ScimFilter, resource: Json, effort: Effort, insideOne = false): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.sides.every((side) => matches(side, resource, effort, insideOne));
    case 'or':
      return filter.sides.some((side) => matches(side, resource, effort, insideOne));
    case 'not':
      return !matches(filter.inner, resource, effort, insideOne);
    case 'present':
      return comparedAt(resource, filter.target, effort, insideOne).length > 0;
    case 'one': {
      const values = valuesAt(resource, { ...filter.target, part: undefined }, false);
      return values.some((value) => matches(filter.inner, value as Json, effort, true));
    }
    case 'compare': {
      const values = comparedAt(resource, filter.target, effort, insideOne);
      const isNegative = filter.operator === 'ne';
      if (filter.value === null) return (values.length === 0) !== isNegative;
      return values.some((value) => holds(value, filter)) !== isNegative;
    }
  }
}

function comparedAt(resource: Json, target: Target, effort: Effort, insideOne: boolean): readonly unknown[] {
  const values = valuesAt(resource, target, insideOne);
  effort.spend(1 + values.length);
  return values;
}
