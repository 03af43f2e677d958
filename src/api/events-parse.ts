import { z } from 'zod';
import type { Actor } from '../domain/actor.ts';
import { TenantryError } from '../domain/errors.ts';
import {
  type ExactJson,
  type ExactJsonObject,
  exactJsonText,
  isExactObject,
  isList,
  parseExactJson,
} from '../domain/exact-json.ts';
import { parseTenantId, type TenantId } from '../domain/tenant-id.ts';
import { DEEPEST_EVENT_VALUE, eventValues, MOST_EVENT_VALUES, type UsageEvent } from '../domain/usage-event.ts';
import { DAY_MS, SECOND_MS } from '../domain/window.ts';
import { ownTenantOf } from './guard.ts';

export const CLOUD_EVENT_TYPE = 'application/cloudevents+json';
export const CLOUD_EVENTS_BATCH_TYPE = 'application/cloudevents-batch+json';
export const JSON_TYPE = 'application/json';

export const MOST_EVENTS = 5_000;
const LONGEST_NAME = 512;
const LONGEST_TYPE = 256;
const LONGEST_DATA = 64 * 1024;
/** The specification's own pattern; what an attribute means that we do not know is its sender's business. */
const ATTRIBUTE_NAME = /^[a-z0-9]{1,64}$/;
const JSON_MEDIA_TYPE = /^application\/(?:[a-z0-9.!#$&^_-]+\+)?json\s*(?:;|$)/i;
const instant = z.iso.datetime({ offset: true });

export interface EventBounds {
  /** Unix ms. */
  readonly now: number;
  readonly acceptPastMs: number;
  readonly acceptFutureMs: number;
}

/**
 * The events of a body, whole or not at all. `contentType` decides whether it is one event, a batch, or either.
 * @throws TenantryError BAD_REQUEST naming the event's index and field, FORBIDDEN for another tenant than the key's
 */
export function eventsOf(text: string, contentType: string, actor: Actor, bounds: EventBounds): UsageEvent[] {
  const items = itemsOf(parsed(text), contentType);
  const own = ownTenantOf(actor);
  return items.map((item, index) => eventOf(item, { index, own, bounds }));
}

function parsed(text: string): ExactJson {
  try {
    return parseExactJson(text);
  } catch (cause) {
    // Deep nesting overflows the parser's stack; everything else is a SyntaxError.
    throw new TenantryError('BAD_REQUEST', 'The body is not JSON that can be read here.', {
      hint: `Send one event as ${CLOUD_EVENT_TYPE} or several as ${CLOUD_EVENTS_BATCH_TYPE}, in UTF-8 and without U+0000.`,
      cause,
    });
  }
}

function itemsOf(body: ExactJson, contentType: string): readonly ExactJson[] {
  const isBatch = isList(body);
  const expected = contentType.startsWith(CLOUD_EVENTS_BATCH_TYPE)
    ? true
    : contentType.startsWith(CLOUD_EVENT_TYPE)
      ? false
      : isBatch;
  if (isBatch !== expected) {
    throw new TenantryError(
      'BAD_REQUEST',
      `The body is ${isBatch ? 'a list' : 'no list'}, which its content type rules out.`,
      {
        hint: `${CLOUD_EVENT_TYPE} is one event, ${CLOUD_EVENTS_BATCH_TYPE} a list of them, ${JSON_TYPE} either.`,
      },
    );
  }
  const items = isBatch ? body : [body];
  if (items.length > MOST_EVENTS) {
    throw new TenantryError(
      'BAD_REQUEST',
      `The batch has ${items.length} events, at most ${MOST_EVENTS} are taken at once.`,
      {
        hint: 'Send it in parts; each part counts by itself.',
      },
    );
  }
  return items;
}

interface Place {
  readonly index: number;
  /** The one tenant that the caller may speak for. */
  readonly own: TenantId | undefined;
  readonly bounds: EventBounds;
}

function eventOf(item: ExactJson, place: Place): UsageEvent {
  if (!isExactObject(item)) throw bad(place, undefined, 'is no JSON object');
  checkAttributes(item, place);
  const tenantId = tenantOf(item, place);
  const type = nameOf(item, 'type', LONGEST_TYPE, place);
  const source = nameOf(item, 'source', LONGEST_NAME, place);
  const id = nameOf(item, 'id', LONGEST_NAME, place);
  return { tenantId, type, source, id, time: timeOf(item, place), ...dataOf(item, place) };
}

function checkAttributes(item: ExactJsonObject, place: Place): void {
  if (item['specversion'] !== '1.0') throw bad(place, 'specversion', 'must be "1.0"');
  if (item['data_base64'] !== undefined)
    throw bad(place, 'data_base64', 'cannot be counted: send a JSON object as "data"');
  const mediaType = item['datacontenttype'];
  if (
    mediaType !== undefined &&
    mediaType !== null &&
    !(typeof mediaType === 'string' && JSON_MEDIA_TYPE.test(mediaType))
  ) {
    throw bad(place, 'datacontenttype', 'must be application/json: only JSON can be counted');
  }
  const odd = Object.keys(item).find((name) => !ATTRIBUTE_NAME.test(name));
  if (odd !== undefined)
    throw bad(place, odd, 'is no name of a CloudEvents attribute: lower-case letters and digits only');
}

function tenantOf(item: ExactJsonObject, place: Place): TenantId {
  const tenantId = parseTenantId(item['subject']);
  if (tenantId === undefined) {
    throw bad(
      place,
      'subject',
      'must be the tenant: 1 to 128 letters, digits and . _ : @ | -, first a letter or digit',
    );
  }
  if (place.own !== undefined && tenantId !== place.own) {
    throw new TenantryError('FORBIDDEN', `Event ${place.index}, field "subject": this key speaks for another tenant.`, {
      hint: 'Send the events of each tenant with a key of that tenant, or all with a key that is bound to none.',
    });
  }
  return tenantId;
}

function nameOf(item: ExactJsonObject, name: 'type' | 'source' | 'id', longest: number, place: Place): string {
  const value = item[name];
  const isGood = typeof value === 'string' && value !== '' && value.length <= longest && !/[\p{Cc}\p{Cs}]/u.test(value);
  if (!isGood) throw bad(place, name, `must be text of 1 to ${longest} characters without control characters`);
  return value;
}

/** When it happened: the event's own word, else now. */
function timeOf(item: ExactJsonObject, place: Place): number {
  const { now, acceptPastMs, acceptFutureMs } = place.bounds;
  const value = item['time'];
  if (value === undefined || value === null) return now;
  if (typeof value !== 'string' || !instant.safeParse(value).success) {
    throw bad(place, 'time', 'must be an RFC 3339 time such as 2026-01-31T12:00:00Z');
  }
  const time = Date.parse(value);
  if (time < now - acceptPastMs) {
    throw bad(
      place,
      'time',
      `is more than ${Math.floor(acceptPastMs / DAY_MS)} days ago`,
      'TENANTRY_ACCEPT_EVENTS_PAST_DAYS',
    );
  }
  if (time > now + acceptFutureMs) {
    throw bad(place, 'time', `is more than ${acceptFutureMs / SECOND_MS} s ahead`, 'TENANTRY_ACCEPT_FUTURE_SECONDS');
  }
  return time;
}

function dataOf(item: ExactJsonObject, place: Place): Pick<UsageEvent, 'data' | 'numbers' | 'texts'> {
  const value = item['data'];
  if (value === undefined || value === null) return { data: '', numbers: {}, texts: {} };
  if (!isExactObject(value)) throw bad(place, 'data', 'must be a JSON object');
  const data = exactJsonText(value);
  if (data.length > LONGEST_DATA) throw bad(place, 'data', `is longer than ${LONGEST_DATA} characters`);
  const values = eventValues(value);
  if (values === undefined) {
    throw bad(
      place,
      'data',
      `has more than ${MOST_EVENT_VALUES} values, or some deeper than ${DEEPEST_EVENT_VALUE} levels`,
    );
  }
  // In `data` it is an escape; as a text of its own it would be one that no store can write.
  if (/\p{Cs}/u.test(Object.entries(values.texts).flat().join('\n'))) {
    throw bad(place, 'data', 'has half a surrogate pair, which is no text');
  }
  return { data, ...values };
}

/** Values are never repeated: what an app sends may be secret, and errors are logged. */
function bad({ index }: Place, field: string | undefined, problem: string, setting?: string): TenantryError {
  const name = field === undefined ? '' : `, field ${JSON.stringify(field.slice(0, 64))}:`;
  const bound = setting === undefined ? '' : ` The setting ${setting} is the bound.`;
  return new TenantryError('BAD_REQUEST', `Event ${index}${name} ${problem}.`, {
    hint: `None of the events was taken; events are counted from 0.${bound}`,
  });
}
