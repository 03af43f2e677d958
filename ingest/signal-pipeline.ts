import type { IncomingMessage } from 'node:http';
import { TenantryError } from '../src/domain/errors.ts';
import type { Counters } from './counters.ts';
import type { KeyCheck } from './key-check.ts';
import { type Answer, JSON_TYPE, PROTOBUF, successAnswer } from './otlp-answer.ts';
import { type BodyReader, bodyEncoding } from './request-body.ts';
import type { Spool } from './spool.ts';
import { checkTraceRequest } from './wire-check.ts';

export interface TracePipelineParts {
  readonly keys: Pick<KeyCheck, 'verify'>;
  readonly bodies: Pick<BodyReader, 'withBody'>;
  readonly spool: Pick<Spool, 'append'>;
  readonly counters: Counters;
  readonly now: () => number;
}

/**
 * One trace request's way: authenticate, read the body, check it, append it to the spool, answer. Refuses as early as
 * it can: without a key no byte of the body is read.
 * @throws TenantryError for every refusal
 */
export function tracePipeline(parts: TracePipelineParts): (request: IncomingMessage) => Promise<Answer> {
  return async (request) => {
    const holder = parts.keys.verify(request.headers);
    requireProtobuf(request.headers['content-type']);
    const encoding = bodyEncoding(request.headers['content-encoding']);
    return await parts.bodies.withBody(request, encoding, async (body) => {
      const spans = checkTraceRequest(body);
      if (spans > 0) {
        await parts.spool.append(body, { receivedAt: parts.now(), keyId: holder.keyId, keyTenant: holder.tenantId });
      }
      parts.counters.accepted(spans, body.length);
      return successAnswer(PROTOBUF);
    });
  };
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
