/** One request and its response on Node's own streams: their real sizes and their end. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Count, guarded } from './guard.ts';
import type { Passage } from './request-gate.ts';

type Write = (this: unknown, chunk?: unknown, ...rest: unknown[]) => unknown;

interface Hookable {
  push?: Write;
  write?: Write;
  end?: Write;
}

function sizeOf(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === 'string') {
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  }
  return chunk instanceof Uint8Array ? chunk.byteLength : 0;
}

/** Fields for the app's answer, which may overwrite them. */
function setHeaders(response: ServerResponse, headers: Passage['headers']): void {
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
}

/** True when the request announces a body. Only then is it worth while to hook its stream. */
export function hasBody(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  // HTTP/2 needs neither header; its method is all there is to go by.
  if (request.httpVersionMajor >= 2) return request.method !== 'GET' && request.method !== 'HEAD';
  return encoding !== undefined || (length !== undefined && length !== '0');
}

/**
 * Counts the body bytes of one exchange from now on and knows when it is over. Node has no public figure for either
 * (socket.bytesRead counts headers, and all requests of a kept connection), so the methods through which every body
 * goes are wrapped on the instance, before any library of the app wraps them: what is counted is what is sent.
 */
export class NodeExchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #requestBytes = 0;
  #responseBytes = 0;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
    if (hasBody(request)) this.#countRequest(request as unknown as Hookable);
    this.#countResponse(response as unknown as Hookable);
  }

  #countRequest(request: Hookable): void {
    const { push } = request;
    if (push === undefined) return;
    request.push = (chunk, ...rest) => {
      this.#requestBytes += sizeOf(chunk, rest[0]);
      return push.call(request, chunk, ...rest);
    };
  }

  #countResponse(response: Hookable): void {
    const { write, end } = response;
    if (write === undefined || end === undefined) return;
    response.write = (chunk, ...rest) => {
      this.#responseBytes += sizeOf(chunk, rest[0]);
      return write.call(response, chunk, ...rest);
    };
    response.end = (chunk, ...rest) => {
      // HTTP/2's end() calls write() for its chunk, HTTP/1's does not.
      const before = this.#responseBytes;
      const result = end.call(response, chunk, ...rest);
      if (this.#responseBytes === before) this.#responseBytes += sizeOf(chunk, rest[0]);
      return result;
    };
  }

  /**
   * Adds the passage's header fields to the response, and calls `passage.finish` when the response is finished or the
   * connection closed, at once if that has happened.
   */
  finishes(passage: Passage, route: () => string | undefined, count: Count): void {
    const response = this.#response;
    guarded(count, 'hook_failed', () => setHeaders(response, passage.headers), undefined);
    let done = false;
    const finish = (aborted: boolean) => {
      if (done) return;
      done = true;
      const known = guarded(count, 'hook_failed', route, undefined);
      guarded(count, 'hook_failed', () => passage.finish(this.#ending(known, aborted)), undefined);
    };
    if (response.writableFinished || response.destroyed) {
      finish(!response.writableFinished);
      return;
    }
    response.on('finish', () => finish(false));
    // http instrumentation ends the span in its own listener for 'close', which was there first.
    response.prependListener('close', () => finish(true));
  }

  #ending(route: string | undefined, aborted: boolean) {
    const response = this.#response;
    // Bodies that the app writes to these are not sent.
    const bodiless = this.#request.method === 'HEAD' || response.statusCode === 204 || response.statusCode === 304;
    return {
      requestBytes: this.#requestBytes,
      responseBytes: bodiless ? 0 : this.#responseBytes,
      requestLength: this.#request.headers['content-length'],
      responseLength: bodiless ? undefined : response.getHeader('content-length'),
      aborted,
      route,
    };
  }
}
