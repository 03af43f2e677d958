/** What is refused of any request, whatever its route. */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ERRORS, type ErrorCode, TenantryError } from '../domain/errors.ts';
import { SECURITY_HEADERS } from './edge-headers.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

/** The longest of ours (a list with all filters, a cursor and names at their full length) has about 2 KB. */
const MAX_URL_LENGTH = 8 * 1024;
/** Of all headers of a request together; a token has 8 KB at most. */
export const MAX_HEADER_BYTES = 16 * 1024;

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

export function boundRequests(app: FastifyInstance): void {
  app.addHook('onRequest', async (request) => {
    if (request.url.length > MAX_URL_LENGTH) {
      throw new TenantryError('URL_TOO_LONG', `The address has more than ${MAX_URL_LENGTH} characters.`);
    }
    const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
    if (encoding !== 'identity' && hasBody(request)) {
      throw new TenantryError('UNSUPPORTED_MEDIA_TYPE', 'Compressed bodies are not read here.', {
        hint: 'Send the body as it is; OTLP has a port of its own, which takes compressed ones.',
      });
    }
  });
}

/**
 * Whether a browser sent this request from a page that is not ours. `Sec-Fetch-Site` cannot be written by a page;
 * browsers that do not send it yet send `Origin` with every request that changes something.
 */
export function isFromElsewhere({ headers, host }: Pick<FastifyRequest, 'headers' | 'host'>): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (headers.origin === undefined) return false;
  return !URL.canParse(headers.origin) || new URL(headers.origin).host !== host;
}

const UNREADABLE: Readonly<Record<string, { code: ErrorCode; detail: string }>> = {
  HPE_HEADER_OVERFLOW: { code: 'HEADERS_TOO_LARGE', detail: 'The headers are longer than 16 KB.' },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'REQUEST_TIMEOUT', detail: 'The request did not arrive in time.' },
};
const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

/** Answers bytes that are no HTTP request; there is no request object then, and node hands over the bare socket. */
export function answerUnreadable(thrown: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable) return;
  const known = UNREADABLE[thrown.code ?? ''] ?? {
    code: 'BAD_REQUEST',
    detail: 'This is not a readable HTTP request.',
  };
  const { status } = ERRORS[known.code];
  const body = JSON.stringify(problemOf(new TenantryError(known.code, known.detail), randomUUID()));
  const headers = {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': String(Buffer.byteLength(body)),
    ...SECURITY_HEADERS,
    'cache-control': 'no-store',
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_TEXTS[status] ?? ''}`, ...lines, '', body].join('\r\n'));
}
