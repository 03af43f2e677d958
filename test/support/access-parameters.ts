/** Every place of a request that takes a text of the caller's, and the request with another text there. */
import type { AccessRequest } from './access-client.ts';
import { type Operation, requestTo } from './access-routes.ts';
import type { Row } from './api-good-requests.ts';
import { OWN } from './api-harness.ts';

export interface TextPlace {
  /** Such as `query q` or `body /items/0/name`. */
  readonly name: string;
  /** The description allows any text, or any that a pattern lets through; other places take a few words or numbers. */
  readonly isFree: boolean;
  with(text: string): AccessRequest;
}

function isFree(schema: unknown): boolean {
  const text = JSON.stringify(schema ?? {});
  return text.includes('"type":"string"') && !/"enum"|"const"|"format"/.test(text);
}

function queryPlaces(request: AccessRequest, { parameters = [] }: Operation): TextPlace[] {
  const [path = '', query = ''] = request.url.split('?');
  return parameters
    .filter((one) => one.in === 'query')
    .map(({ name, schema }) => ({
      name: `query ${name}`,
      isFree: isFree(schema),
      with: (text) => {
        const changed = new URLSearchParams(query);
        changed.set(name, text);
        return { ...request, url: `${path}?${changed}` };
      },
    }));
}

function pathPlaces(row: Row, request: AccessRequest): TextPlace[] {
  const [path = '', query] = request.url.split('?');
  const segments = path.split('/');
  const pattern = row.split(' ')[1]?.split('/') ?? [];
  return pattern.flatMap((part, index) => {
    if (!part.startsWith(':')) return [];
    const place: TextPlace = {
      name: `path ${part}`,
      isFree: true,
      with: (text) => {
        const changed = segments.with(index, encodeURIComponent(Buffer.from(text).toString()));
        return { ...request, url: [changed.join('/'), ...(query === undefined ? [] : [query])].join('?') };
      },
    };
    return [place];
  });
}

type Step = string | number;

function textsIn(value: unknown, steps: readonly Step[] = []): (readonly Step[])[] {
  if (typeof value === 'string') return [steps];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    textsIn(inner, [...steps, Array.isArray(value) ? Number(name) : name]),
  );
}

function replaced(value: unknown, [step, ...rest]: readonly Step[], text: string): unknown {
  if (step === undefined) return text;
  if (Array.isArray(value)) return value.map((inner, index) => (index === step ? replaced(inner, rest, text) : inner));
  const inner = (value as Record<string, unknown>)[step];
  return { ...(value as object), [step]: replaced(inner, rest, text) };
}

/** Of the good request of a row about OWN. */
export function textPlaces(row: Row, operation: Operation): TextPlace[] {
  const request = requestTo(row, operation, OWN);
  const bodies = textsIn(request.payload).map((steps) => ({
    name: `body /${steps.join('/')}`,
    isFree: true,
    with: (text: string) => ({ ...request, payload: replaced(request.payload, steps, text) }),
  }));
  return [...queryPlaces(request, operation), ...pathPlaces(row, request), ...bodies];
}
