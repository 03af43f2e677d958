import type { IncomingMessage } from 'node:http';
import { TenantryError } from '../src/domain/errors.ts';
import type { Door, Taken } from './door.ts';
import type { KeyCheck } from './key-check.ts';
import {
  type Answer,
  JSON_TYPE,
  type OtlpMediaType,
  PROTOBUF,
  partialSuccessAnswer,
  successAnswer,
} from './otlp-answer.ts';
import { type BodyReader, bodyEncoding } from './request-body.ts';
import type { OtlpSignal } from './wire-check.ts';

export interface SignalPipelineParts {
  readonly keys: Pick<KeyCheck, 'verify'>;
  readonly bodies: Pick<BodyReader, 'withBody'>;
  readonly door: Pick<Door, 'take'>;
}

type Handler = (request: IncomingMessage) => Promise<Answer>;

/**
 * The way of one OTLP/HTTP request: authenticate, read the body, bring it to the door, answer. Refuses as early as it
 * can: without a key no byte of the body is read.
 * @throws TenantryError for every refusal
 */
export function signalPipeline(signal: OtlpSignal, { keys, bodies, door }: SignalPipelineParts): Handler {
  return async (request) => {
    const holder = keys.verify(request.headers);
    requireProtobuf(request.headers['content-type']);
    const encoding = bodyEncoding(request.headers['content-encoding']);
    return await bodies.withBody(request, encoding, async (body) =>
      answerTo(signal, await door.take(signal, body, holder), PROTOBUF),
    );
  };
}

function answerTo(signal: OtlpSignal, { rejected, reason }: Taken, mediaType: OtlpMediaType): Answer {
  if (reason === undefined) return successAnswer(mediaType);
  return partialSuccessAnswer(signal, rejected, reason, mediaType);
}

function requireProtobuf(contentType: string | undefined): void {
  const mediaType = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === PROTOBUF) return;
  const detail =
    mediaType === JSON_TYPE ? 'OTLP/JSON is not taken yet' : 'this content type is not supported for OTLP over HTTP';
  throw new TenantryError('UNSUPPORTED_MEDIA_TYPE', detail, {
    hint: 'Set the protocol of the exporter to http/protobuf (content-type application/x-protobuf).',
  });
}
