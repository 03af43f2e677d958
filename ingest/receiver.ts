import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from 'pino';
import { TenantryError, toError } from '../src/domain/errors.ts';
import type { Counters, Transport } from './counters.ts';
import {
  type Answer,
  bareAnswer,
  errorAnswer,
  JSON_TYPE,
  type OtlpMediaType,
  otlpMediaType,
  PROTOBUF,
} from './otlp-answer.ts';
import { asTenantryError } from './rpc-status.ts';

/** Takes one OTLP request of one signal and answers it; throws TenantryError for what it refuses. */
type SignalHandler = (request: IncomingMessage) => Promise<Answer>;

export interface ReceiverParts {
  /** Path below `/v1/` -> handler. */
  readonly signals: Readonly<Record<string, SignalHandler>>;
  readonly counters: Counters;
  /** Told of telemetry that was refused though its sender has a key. */
  readonly onRefused?: () => void;
  /** Body of `/healthz`. */
  readonly health: () => object;
  /** Bytes of a refused request's body that are read and thrown away, so that the client gets to see the answer. */
  readonly discardBytes: number;
  readonly log: Logger;
  readonly random?: () => number;
}

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Above the 60 s after which load balancers usually drop an idle connection, so that they do it, not we mid-request. */
const KEEP_ALIVE_MS = 75_000;

/**
 * The HTTP server for OTLP. Bare node:http rather than a framework: every answer, also those to broken HTTP, must be a
 * google.rpc.Status, refusals must come before the body is read, and the body must be limited while it is
 * decompressed; a framework's body parsers, error pages and hooks would all be switched off.
 */
export class Receiver {
  readonly #parts: ReceiverParts;
  readonly #server: Server;
  readonly #random: () => number;
  #inWork = 0;
  #stopping = false;
  #idle: (() => void) | undefined;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
    this.#random = parts.random ?? Math.random;
    this.#server = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: 2_000,
        maxHeaderSize: 16 * 1024,
        insecureHTTPParser: false,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.on('clientError', (error, socket) => this.#refuseBrokenHttp(error, socket as Socket));
  }

  /** @returns the port that it listens on */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(listenFailure(error, host, port)));
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Takes no new connections, lets running requests finish for `graceMs`, then cuts what is left. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    await this.#untilIdle(graceMs);
    this.#server.closeAllConnections();
    await closed;
  }

  /** Never rejects: whatever goes wrong becomes an answer. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#inWork++;
    request.on('error', () => {});
    response.on('error', () => {});
    const mediaType = otlpMediaType(request.headers['content-type']) ?? PROTOBUF;
    const route = routeOf(request.url);
    try {
      const answer = await this.#answer(request, route);
      this.#parts.counters.answered(route.label, answer.status, 'ok', transportOf(route, mediaType));
      this.#send(request, response, answer);
    } catch (thrown) {
      this.#refuse(request, response, route, mediaType, thrown);
    } finally {
      this.#inWork--;
      if (this.#inWork === 0) this.#idle?.();
    }
  }

  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    route: Route,
    type: OtlpMediaType,
    thrown: unknown,
  ): void {
    const error = asTenantryError(thrown);
    if (error.code === 'INTERNAL') this.#parts.log.error({ err: toError(thrown) }, 'a request failed unexpectedly');
    else this.#parts.log.debug({ code: error.code, detail: error.message }, 'request refused');
    this.#parts.counters.answered(route.label, error.status, error.code, transportOf(route, type));
    if (route.kind === 'signal' && error.status !== 401 && error.status !== 403) this.#parts.onRefused?.();
    const answer = errorAnswer(error, type, this.#random());
    const allow = error.status === 405 ? { allow: route.kind === 'page' ? 'GET, HEAD' : 'POST' } : {};
    this.#send(request, response, { ...answer, headers: { ...answer.headers, ...allow } });
  }

  async #answer(request: IncomingMessage, route: Route): Promise<Answer> {
    if (route.kind === 'page') return await this.#page(request, route.name);
    const handler = route.kind === 'signal' ? this.#parts.signals[route.name] : undefined;
    if (handler !== undefined) {
      if (request.method !== 'POST') throw wrongMethod('POST');
      return await handler(request);
    }
    throw new TenantryError('NOT_FOUND', 'nothing is served at this path', {
      hint: 'Send traces to /v1/traces and metrics to /v1/metrics; OTLP/gRPC has a port of its own. The exporter setting OTEL_EXPORTER_OTLP_ENDPOINT takes no path.',
    });
  }

  async #page(request: IncomingMessage, name: 'healthz' | 'metrics'): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'HEAD') throw wrongMethod('GET');
    if (name === 'healthz') return textAnswer(JSON_TYPE, JSON.stringify(this.#parts.health()));
    const { registry } = this.#parts.counters;
    return textAnswer(registry.contentType, await registry.metrics());
  }

  #send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    if (response.destroyed || response.headersSent) return;
    if (this.#stopping) response.setHeader('connection', 'close');
    response.writeHead(answer.status, answer.headers);
    response.end(request.method === 'HEAD' ? undefined : answer.body);
    if (!request.complete) discard(request, this.#parts.discardBytes);
  }

  /** What Node's parser refuses never becomes a request: bad syntax, both lengths, too large or too slow headers. */
  #refuseBrokenHttp(error: NodeJS.ErrnoException, socket: Socket): void {
    const [status, message] = BROKEN_HTTP[error.code ?? ''] ?? [400, 'This is not valid HTTP'];
    this.#parts.counters.answered('other', status, error.code ?? 'unknown', 'http');
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const answer = bareAnswer(status, message);
    const headers = Object.entries({ ...answer.headers, connection: 'close' }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    socket.write(`HTTP/1.1 ${status} Refused\r\n${headers.join('\r\n')}\r\n\r\n`);
    socket.end(answer.body, () => socket.destroy());
  }

  #untilIdle(graceMs: number): Promise<void> {
    if (this.#inWork === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#idle = () => {
        clearTimeout(timer);
        // The last answer is still on its way to the socket.
        setImmediate(resolve);
      };
    });
  }
}

const BROKEN_HTTP: Readonly<Record<string, readonly [status: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers exceed 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time'],
};

type Route =
  | { readonly kind: 'signal'; readonly name: string; readonly label: string }
  | { readonly kind: 'page'; readonly name: 'healthz' | 'metrics'; readonly label: string }
  | { readonly kind: 'other'; readonly label: string };

const SIGNAL_PATH_PATTERN = /^\/v1\/(traces|metrics|logs)\/?$/;

function routeOf(url: string | undefined): Route {
  const path = (url ?? '').split('?', 1)[0] ?? '';
  const signal = SIGNAL_PATH_PATTERN.exec(path)?.[1];
  if (signal !== undefined) return { kind: 'signal', name: signal, label: signal };
  if (path === '/healthz' || path === '/metrics') {
    return { kind: 'page', name: path === '/healthz' ? 'healthz' : 'metrics', label: 'other' };
  }
  return { kind: 'other', label: 'other' };
}

function transportOf(route: Route, mediaType: OtlpMediaType): Transport {
  if (route.kind !== 'signal') return 'http';
  return mediaType === JSON_TYPE ? 'http/json' : 'http/protobuf';
}

function textAnswer(contentType: string, text: string): Answer {
  const body = Buffer.from(text);
  return { status: 200, headers: { 'content-type': contentType, 'content-length': String(body.length) }, body };
}

function wrongMethod(allowed: string): TenantryError {
  return new TenantryError('METHOD_NOT_ALLOWED', 'this method is not served here', { hint: `Use ${allowed}.` });
}

/**
 * Reads a refused body to its end: a connection closed with unread bytes is reset, and the client would see the reset
 * instead of the answer. Only so far, and the server's request timeout holds too.
 */
function discard(request: IncomingMessage, maxBytes: number): void {
  let left = maxBytes;
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.resume();
}

function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): TenantryError {
  return new TenantryError('CONFIG_INVALID', `cannot listen on ${host}:${port} (${error.code ?? error.message})`, {
    hint: 'Stop the process that uses the port, or set TENANTRY_OTLP_HTTP_PORT (0 picks a free one).',
    cause: error,
  });
}
