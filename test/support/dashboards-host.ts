import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A page of the operator's product, on an origin of its own, that shows a frame. */
export interface Host {
  readonly origin: string;
  /** What GET answers. */
  html: string;
  /** What POST answers, as the operator's backend does that makes tokens. */
  newToken: () => Promise<string>;
  /** How often a token was asked for. */
  asked: number;
  close(): Promise<void>;
}

export async function startHost(): Promise<Host> {
  const server = createServer((request, response) => {
    if (request.method !== 'POST') {
      const isPage = request.url !== '/favicon.ico';
      response.writeHead(isPage ? 200 : 204, { 'content-type': 'text/html; charset=utf-8' });
      response.end(isPage ? host.html : undefined);
      return;
    }
    host.asked += 1;
    host.newToken().then(
      (token) => response.end(JSON.stringify({ token })),
      () => response.writeHead(500).end(),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host: Host = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    html: '',
    newToken: () => Promise.reject(new Error('no token here')),
    asked: 0,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return host;
}
