import { decimalText, scaledDecimal } from './decimal.ts';
import { type ExactJson, type ExactJsonObject, isExactObject, isList, JsonNumber } from './exact-json.ts';
import { type JsonPathStep, jsonPathText } from './json-path.ts';
import type { TenantId } from './tenant-id.ts';

/** One use of something, as the operator's app told it (CloudEvents 1.0). */
export interface UsageEvent {
  readonly tenantId: TenantId;
  readonly type: string;
  /** Together with `id` what the event is known by; the same pair of the same tenant is the same event. */
  readonly source: string;
  readonly id: string;
  /** Unix ms. */
  readonly time: number;
  /** JSON as sent, numbers with all their digits; '' when there was none. */
  readonly data: string;
  /** Path -> number as a decimal text with at most 9 places. */
  readonly numbers: Readonly<Record<string, string>>;
  /** Path -> text, number or boolean as text. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Places behind the point that values are kept to; what is finer is rounded, halves away from zero. */
export const METER_PLACES = 9;
/** Below it, 10^9 values add up within the 29 digits before the point that the store's decimals have. */
const LARGEST_NUMBER = 10n ** BigInt(20 + METER_PLACES);
/** Longer ones stay in `data` and cannot be grouped by or counted. */
const LONGEST_TEXT = 1_024;

export const MOST_EVENT_VALUES = 200;
export const DEEPEST_EVENT_VALUE = 10;

/**
 * Every single value in an event's data by its path, so that a meter needs no look into the JSON, whenever it is
 * defined. A text that writes a number counts as both. Undefined when there are too many values or they lie too deep.
 */
export function eventValues(data: ExactJsonObject): Pick<UsageEvent, 'numbers' | 'texts'> | undefined {
  const numbers: Record<string, string> = {};
  const texts: Record<string, string> = {};
  let left = MOST_EVENT_VALUES;
  const walk = (value: ExactJson, steps: readonly JsonPathStep[]): boolean => {
    if (isList(value) || isExactObject(value)) {
      if (steps.length >= DEEPEST_EVENT_VALUE) return false;
      const members: [JsonPathStep, ExactJson][] = isList(value) ? [...value.entries()] : Object.entries(value);
      return members.every(([step, member]) => walk(member, [...steps, step]));
    }
    if (value === null) return true;
    left -= 1;
    const path = jsonPathText(steps);
    const number = exactNumber(value);
    if (number !== undefined) numbers[path] = number;
    const text = value instanceof JsonNumber ? (number ?? value.text) : String(value);
    if (text.length <= LONGEST_TEXT) texts[path] = text;
    return left >= 0;
  };
  return walk(data, []) ? { numbers, texts } : undefined;
}

function exactNumber(value: ExactJson): string | undefined {
  const text = value instanceof JsonNumber ? value.text : typeof value === 'string' ? value.trim() : undefined;
  const scaled = text === undefined ? undefined : scaledDecimal(text, METER_PLACES);
  if (scaled === undefined || scaled >= LARGEST_NUMBER || scaled <= -LARGEST_NUMBER) return undefined;
  return decimalText(scaled, METER_PLACES);
}
