import type { IncomingMessage } from 'node:http';
import { TenantryError } from '../src/domain/errors.ts';
import type { SegmentSignal } from '../src/domain/spool-format.ts';
import type { Counters } from './counters.ts';
import type { Intake } from './intake.ts';
import type { KeyCheck, KeyHolder } from './key-check.ts';
import { type Answer, JSON_TYPE, PROTOBUF, partialSuccessAnswer, successAnswer } from './otlp-answer.ts';
import { type BodyReader, bodyEncoding } from './request-body.ts';
import type { Spool } from './spool.ts';
import { checkRequest } from './wire-check.ts';

export interface SignalPipelineParts {
  readonly keys: Pick<KeyCheck, 'verify'>;
  readonly bodies: Pick<BodyReader, 'withBody'>;
  readonly spool: Pick<Spool, 'append'>;
  readonly counters: Counters;
  /** Told of traces that were taken; what is compared with what is loaded. */
  readonly intake?: Pick<Intake, 'taken'>;
  readonly now: () => number;
}

type Handler = (request: IncomingMessage) => Promise<Answer>;

/**
 * The way of one request with traces or metrics: authenticate, read the body, check it, append it to the spool, answer.
 * Refuses as early as it can: without a key no byte of the body is read.
 * @throws TenantryError for every refusal
 */
export function storedSignalPipeline(signal: SegmentSignal, parts: SignalPipelineParts): Handler {
  return received(parts, async (body, holder) => {
    const items = checkRequest(signal, body);
    const receivedAt = parts.now();
    if (items > 0) {
      const origin = { receivedAt, keyId: holder.keyId, keyTenant: holder.tenantId };
      await parts.spool.append(signal, body, origin);
      if (signal === 'traces') parts.intake?.taken(receivedAt, items);
    }
    parts.counters.accepted(signal, items, body.length, { keyId: holder.keyId, at: receivedAt });
    return successAnswer(PROTOBUF);
  });
}

/**
 * Logs are not kept. An error would make exporters complain or try again for ever, and success would be a lie: the
 * answer is OTLP's partial success, which says how many records were not taken and why, and is never sent again.
 * @throws TenantryError for what is refused as any signal is: no key, broken or oversized bodies
 */
export function refusedLogsPipeline(parts: Omit<SignalPipelineParts, 'spool'>): Handler {
  return received(parts, async (body) => {
    const records = checkRequest('logs', body);
    parts.counters.logsRejected(records);
    if (records === 0) return successAnswer(PROTOBUF);
    return partialSuccessAnswer(
      'logs',
      records,
      'Logs are not kept here. Switch their exporter off (OTEL_LOGS_EXPORTER=none).',
      PROTOBUF,
    );
  });
}

function received(
  parts: Pick<SignalPipelineParts, 'keys' | 'bodies'>,
  take: (body: Uint8Array, holder: KeyHolder) => Promise<Answer>,
): Handler {
  return async (request) => {
    const holder = parts.keys.verify(request.headers);
    requireProtobuf(request.headers['content-type']);
    const encoding = bodyEncoding(request.headers['content-encoding']);
    return await parts.bodies.withBody(request, encoding, (body) => take(body, holder));
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
