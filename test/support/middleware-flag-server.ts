/** The server's side of the flag stream, to be good or bad on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FlagAck, FlagChange, FlagSnapshot, WireFlag } from '../../src/domain/flag-wire.ts';

export type Behaviour = (response: ServerResponse, request: IncomingMessage) => void;

export interface FlagServer {
  readonly url: string;
  readonly acks: readonly FlagAck[];
  readonly keys: readonly (string | undefined)[];
  /** Connections to the stream so far. */
  readonly connections: number;
  /** `If-None-Match` of each poll so far. */
  readonly polls: readonly (string | undefined)[];
  /** Query strings of streams and polls. */
  readonly queries: readonly string[];
  /** What the next connections get; by default a stream that stays open. */
  behave(behaviour: Behaviour): void;
  /** What the next polls get; by default 404. */
  behavePolled(behaviour: Behaviour): void;
  /** Writes to every open stream. */
  write(text: string): void;
  snapshot(snapshot: FlagSnapshot): void;
  change(change: FlagChange): void;
  close(): Promise<void>;
}

export function wireThrottle(fields: Partial<WireFlag> = {}): WireFlag {
  return {
    kind: 'throttle',
    id: 'f1',
    tenant_id: 'acme',
    revision: 1,
    ttl_ms: 60_000,
    expires_at: '2030-01-01T00:00:00Z',
    reason: 'requests are 3.4 times the baseline',
    mode: 'enforce',
    scope: {},
    limit: { requests_per_second: 0.5, burst: 1 },
    ...fields,
  };
}

export const openStream: Behaviour = (response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(': hello\n\n');
};

/** Answers polls with this state, and with 304 to those that have it. */
export function polledState(snapshot: FlagSnapshot): Behaviour {
  const etag = `W/"${snapshot.revision}"`;
  return (response, request) => {
    if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
    else response.writeHead(200, { 'content-type': 'application/json', etag }).end(JSON.stringify(snapshot));
  };
}

export async function startFlagServer(port = 0): Promise<FlagServer> {
  const acks: FlagAck[] = [];
  const keys: (string | undefined)[] = [];
  const streams = new Set<ServerResponse>();
  const polls: (string | undefined)[] = [];
  const queries: string[] = [];
  let behaviour = openStream;
  let polled: Behaviour = (response) => response.writeHead(404).end();
  const server = createServer((request, response) => {
    if (request.url === '/v1/flags/acks') {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        acks.push(JSON.parse(text) as FlagAck);
        response.writeHead(204).end();
      });
      return;
    }
    const [path, query = ''] = (request.url ?? '').split('?');
    queries.push(query);
    if (path === '/v1/flags') {
      polls.push(request.headers['if-none-match']);
      polled(response, request);
      return;
    }
    keys.push(request.headers.authorization);
    streams.add(response);
    response.on('close', () => streams.delete(response));
    behaviour(response, request);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const write = (text: string) => {
    for (const stream of streams) stream.write(text);
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    acks,
    keys,
    get connections() {
      return keys.length;
    },
    polls,
    queries,
    behavePolled: (next) => {
      polled = next;
    },
    behave: (next) => {
      behaviour = next;
    },
    write,
    snapshot: (snapshot) => write(`event: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`),
    change: (change) => write(`event: change\ndata: ${JSON.stringify(change)}\n\n`),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
