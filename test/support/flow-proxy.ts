/** The network between an app and a server, as something that can break: a TCP proxy on a port of its own. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** `open`: passes everything on; `cut`: breaks every connection and takes none; `silent`: keeps them and passes nothing on. */
type NetworkState = 'open' | 'cut' | 'silent';

export interface BreakableNetwork {
  readonly port: number;
  become(state: NetworkState): void;
  close(): Promise<void>;
}

/** @param target port on 127.0.0.1 */
export async function startBreakableNetwork(target: number): Promise<BreakableNetwork> {
  let state: NetworkState = 'open';
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    if (state === 'cut') {
      near.destroy();
      return;
    }
    const far = connect(target, '127.0.0.1');
    const pair = [near, far] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on('error', end).on('close', end);
      from.on('data', (chunk: Buffer) => {
        // What is sent into silence is lost, as on a broken line; the connection cannot be whole again afterwards.
        if (state !== 'silent') to.write(chunk);
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const breakAll = () => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    become: (next) => {
      if (next === 'cut' || state === 'silent') breakAll();
      state = next;
    },
    close: () =>
      new Promise((resolve) => {
        breakAll();
        server.close(() => resolve());
      }),
  };
}
