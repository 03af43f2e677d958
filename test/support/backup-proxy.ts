import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** Passes on what the server of a URL says in small pieces, each by itself, as a long way there would. */
export async function proxyInPieces(
  target: string,
  bytes: number,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const url = new URL(target);
  const { hostname, port } = url;
  const pass = async (client: Socket, upstream: Socket) => {
    for await (const chunk of upstream as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; at += bytes) {
        if (!client.write(chunk.subarray(at, at + bytes))) await once(client, 'drain');
        await setImmediate();
      }
    }
    client.end();
  };
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect(Number(port), hostname);
    client.on('error', () => upstream.destroy());
    client.pipe(upstream);
    pass(client, upstream).catch(() => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    close: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}
