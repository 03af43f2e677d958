/** Requests over a real socket, with the path as it is written: fetch would tidy `..` and encodings away. */
import { Agent, type IncomingMessage, request } from 'node:http';

export interface AccessRequest {
  readonly method: string;
  /** Path and query, percent-encoded as it is to be sent. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string is sent as it is. */
  readonly payload?: unknown;
}

export interface AccessAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface AccessClient {
  send(request: AccessRequest): Promise<AccessAnswer>;
  close(): void;
}

/** The same in every request, so that answers can be compared byte for byte. */
const REQUEST_ID = 'access-tests';
/** Differ from answer to answer or from connection to connection, and tell nothing of anybody. */
const VARYING_HEADERS = new Set(['date', 'connection', 'keep-alive']);

function isStream(response: IncomingMessage): boolean {
  return response.headers['content-type']?.startsWith('text/event-stream') ?? false;
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => !VARYING_HEADERS.has(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

/** Everything of an answer that its reader sees. */
export function wholeText({ status, headers, body }: AccessAnswer): string {
  return JSON.stringify([status, Object.entries(headers).toSorted(), body]);
}

/** The answer to an event stream is its head: it would never end. */
export function createAccessClient(baseUrl: string): AccessClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const { hostname, port } = new URL(baseUrl);
  return {
    send: ({ method, url, headers = {}, payload }) =>
      new Promise((resolve, reject) => {
        const body =
          typeof payload === 'string' ? payload : payload === undefined ? undefined : JSON.stringify(payload);
        const asked = request(
          {
            ...{ agent, hostname, port, method, path: url },
            headers: {
              'x-request-id': REQUEST_ID,
              ...(body === undefined
                ? {}
                : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
              ...headers,
            },
          },
          (response) => {
            const head = { status: response.statusCode ?? 0, headers: headersOf(response) };
            if (isStream(response)) {
              response.destroy();
              resolve({ ...head, body: '' });
              return;
            }
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => resolve({ ...head, body: Buffer.concat(chunks).toString() }));
          },
        );
        asked.on('error', reject);
        asked.end(body);
      }),
    close: () => agent.destroy(),
  };
}
