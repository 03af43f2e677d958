import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { TenantryError } from '../src/domain/errors.ts';
import type { Admission } from './admission.ts';
import type { Door, Taken } from './door.ts';
import type { KeyCheck, KeyHolder } from './key-check.ts';
import { type Answer, JSON_TYPE, otlpMediaType, PROTOBUF, takenAnswer } from './otlp-answer.ts';
import { protobufOf } from './otlp-json.ts';
import { type BodyForm, type BodyReader, httpBody } from './request-body.ts';
import type { OtlpSignal } from './wire-check.ts';

export interface SignalPipelineParts {
  readonly keys: Pick<KeyCheck, 'verify'>;
  readonly bodies: Pick<BodyReader, 'withBody' | 'maxBytes'>;
  readonly door: Pick<Door, 'take'>;
  /** undefined = nothing is limited. */
  readonly admission?: Pick<Admission, 'enter'> | undefined;
}

/** A request of whichever transport, before its body is read. */
export interface Arrival {
  readonly signal: OtlpSignal;
  /** With the key; gRPC's metadata are headers too. */
  readonly headers: IncomingHttpHeaders;
  readonly source: Readable;
  /** @throws TenantryError for what cannot be read, once the key is known to be good */
  readonly form: () => { readonly body: BodyForm; readonly isJson: boolean };
}

type Handler = (request: IncomingMessage) => Promise<Answer>;

/**
 * The way of one request on every transport: authenticate, read the body, bring it to the door. Refuses as early as it
 * can: without a key no byte of the body is read.
 * @throws TenantryError for every refusal
 */
export async function takeIn(arrival: Arrival, parts: SignalPipelineParts): Promise<Taken> {
  const holder = parts.keys.verify(arrival.headers);
  const leave = parts.admission?.enter(holder);
  try {
    return await takeFrom(holder, arrival, parts);
  } finally {
    leave?.();
  }
}

async function takeFrom(holder: KeyHolder, arrival: Arrival, { bodies, door }: SignalPipelineParts): Promise<Taken> {
  const { signal, source } = arrival;
  const { body, isJson } = arrival.form();
  return await bodies.withBody(holder.keyId, source, body, async ({ bytes, grow }) => {
    if (!isJson) return await door.take(signal, bytes, holder);
    const message = protobufOf(signal, bytes, bodies.maxBytes);
    grow(message.length);
    return await door.take(signal, message, holder);
  });
}

/**
 * One signal over OTLP/HTTP, in protobuf and in JSON.
 * @throws TenantryError for every refusal
 */
export function signalPipeline(signal: OtlpSignal, parts: SignalPipelineParts): Handler {
  return async (request) => {
    const { headers } = request;
    const mediaType = otlpMediaType(headers['content-type']) ?? PROTOBUF;
    const form = () => {
      requireOtlp(headers['content-type']);
      return { body: httpBody(headers), isJson: mediaType === JSON_TYPE };
    };
    const taken = await takeIn({ signal, headers, source: request, form }, parts);
    return takenAnswer(signal, taken, mediaType);
  };
}

function requireOtlp(contentType: string | undefined): void {
  if (otlpMediaType(contentType) !== undefined) return;
  throw new TenantryError('UNSUPPORTED_MEDIA_TYPE', 'this content type is not supported for OTLP over HTTP', {
    hint: `Set the protocol of the exporter to http/protobuf (${PROTOBUF}) or http/json (${JSON_TYPE}).`,
  });
}
