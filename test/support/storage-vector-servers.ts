import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a stand-in answers: a status and JSON, or text as it is. */
type Route = (body: unknown, request: IncomingMessage) => { readonly status: number; readonly json: unknown };

export interface JsonServer {
  readonly url: string;
  readonly seen: { readonly path: string; readonly headers: IncomingMessage['headers']; readonly body: unknown }[];
  stop(): Promise<void>;
}

/** A server that answers by method and path, `GET /collections`; anything else is 404. */
export async function startJsonServer(routes: Readonly<Record<string, Route>>): Promise<JsonServer> {
  const seen: JsonServer['seen'] = [];
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const path = `${request.method} ${request.url}`;
    seen.push({ path, headers: request.headers, body });
    const { status, json } = routes[path]?.(body, request) ?? { status: 404, json: { error: 'no such thing' } };
    response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(typeof json === 'string' ? json : JSON.stringify(json));
  };
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
