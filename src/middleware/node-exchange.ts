/** One request and its response on Node's own streams: their real sizes and their end. */
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Count, countSafely } from './guard.ts';
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

/** True when the request announces a body. Only then is it worth while to hook its stream. */
export function hasBody(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  // HTTP/2 needs neither header; its method is all there is to go by.
  if (request.httpVersionMajor >= 2) return request.method !== 'GET' && request.method !== 'HEAD';
  return encoding !== undefined || (length !== undefined && length !== '0');
}

// What hangs on the response is shared by all responses and finds its exchange by this key. A closure for each of them
// made V8 carry nearly every finished request into its old space: three times the CPU of tracing a small request.
const EXCHANGE = Symbol('tenantry.exchange');

/** Who knows the router's template at the end of a request. */
interface Routed {
  routeAtEnd(): string | undefined;
}

type Watched = Hookable & { [EXCHANGE]?: NodeExchange };

function countedWrite(this: Watched, chunk?: unknown, ...rest: unknown[]): unknown {
  return this[EXCHANGE]?.write(this, chunk, rest);
}

function countedEnd(this: Watched, chunk?: unknown, ...rest: unknown[]): unknown {
  return this[EXCHANGE]?.end(this, chunk, rest);
}

function onFinish(this: Watched): void {
  this[EXCHANGE]?.finish(false);
}

function onClose(this: Watched): void {
  this[EXCHANGE]?.finish(true);
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
  #write: Write | undefined;
  #end: Write | undefined;
  #passage: Passage | undefined;
  #routed: Routed | undefined;
  #count: Count | undefined;

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

  #countResponse(response: Watched): void {
    const { write, end } = response;
    if (write === undefined || end === undefined) return;
    this.#write = write;
    this.#end = end;
    response[EXCHANGE] = this;
    response.write = countedWrite as Write;
    response.end = countedEnd as Write;
  }

  /** The response's own `write`, counted. */
  write(response: unknown, chunk: unknown, rest: readonly unknown[]): unknown {
    this.#responseBytes += sizeOf(chunk, rest[0]);
    return this.#write?.call(response, chunk, ...rest);
  }

  /** The response's own `end`, counted. */
  end(response: unknown, chunk: unknown, rest: readonly unknown[]): unknown {
    // HTTP/2's end() calls write() for its chunk, HTTP/1's does not.
    const before = this.#responseBytes;
    const result = this.#end?.call(response, chunk, ...rest);
    if (this.#responseBytes === before) this.#responseBytes += sizeOf(chunk, rest[0]);
    return result;
  }

  /** Calls `passage.finish` when the response is finished or the connection closed, at once if that has happened. */
  finishes(passage: Passage, routed: Routed, count: Count): void {
    const response = this.#response;
    this.#passage = passage;
    this.#routed = routed;
    this.#count = count;
    if (response.writableFinished || response.destroyed) {
      this.finish(!response.writableFinished);
      return;
    }
    (response as Watched)[EXCHANGE] = this;
    // Node's own methods: those that http instrumentation puts on a response bind each listener to a context.
    const { on, prependListener } = EventEmitter.prototype;
    on.call(response, 'finish', onFinish);
    // http instrumentation ends the span in its own listener for 'close', which was there first.
    prependListener.call(response, 'close', onClose);
  }

  /** Takes effect once. */
  finish(aborted: boolean): void {
    const passage = this.#passage;
    const count = this.#count;
    if (passage === undefined || count === undefined) return;
    this.#passage = undefined;
    let route: string | undefined;
    try {
      route = this.#routed?.routeAtEnd();
    } catch {
      countSafely(count, 'hook_failed');
    }
    try {
      passage.finish(this.#ending(route, aborted));
    } catch {
      countSafely(count, 'hook_failed');
    }
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
