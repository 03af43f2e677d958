/**
 * Stands before a ClickHouse server as its users see it: keeps who asked with which settings, knows the users that it was
 * told of, and passes everything on as the service's own user.
 */
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface SeenRequest {
  readonly user: string;
  readonly password: string;
  /** URL parameters. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly sql: string;
}

export interface RecordingProxy {
  /** With no user in it. */
  readonly url: string;
  readonly seen: SeenRequest[];
  /** Answers instead of passing on. */
  instead: ((request: SeenRequest, response: ServerResponse) => boolean) | undefined;
  stop(): Promise<void>;
}

/** @param target with user and password, which replace those of each request */
export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const to = new URL(target);
  const authorization = `Basic ${Buffer.from(`${to.username}:${decodeURIComponent(to.password)}`).toString('base64')}`;
  const proxy: { -readonly [Key in keyof RecordingProxy]: RecordingProxy[Key] } = {
    url: '',
    seen: [],
    instead: undefined,
    stop: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const [user = '', password = ''] = Buffer.from(String(request.headers.authorization).slice(6), 'base64')
      .toString()
      .split(/:(.*)/s);
    const { searchParams } = new URL(request.url ?? '/', 'http://proxy');
    const seen = { user, password, parameters: Object.fromEntries(searchParams), sql: body.toString() };
    proxy.seen.push(seen);
    if (proxy.instead?.(seen, response) === true) return;
    const onward = httpRequest(
      { host: to.hostname, port: to.port, path: request.url, method: request.method, headers: { authorization } },
      (back) => {
        response.writeHead(back.statusCode ?? 500, back.headers);
        back.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    onward.end(body);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}
