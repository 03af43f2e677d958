/** An OTLP/HTTP receiver that keeps what real exporters send, for tests of the sending side. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { OtlpKeyValue } from './otlp-proto.ts';

export interface OtlpCollector<Item> {
  /** `http://127.0.0.1:port`, without the signal's path. */
  readonly url: string;
  readonly items: readonly Item[];
  /** `authorization` headers of the requests that were kept. */
  readonly keys: ReadonlySet<string>;
  /** Resolves with all items as soon as `enough` holds. */
  waitFor(enough: (items: readonly Item[]) => boolean): Promise<readonly Item[]>;
  close(): Promise<void>;
}

export interface OtlpCollectorOptions<Item> {
  /** What a request to this path holds; undefined: it is not kept. */
  readonly decode: (body: Buffer, path: string) => readonly Item[] | undefined;
  /** What it answers; anything but 200 refuses. */
  readonly status?: () => number;
}

export async function startOtlpCollector<Item>(options: OtlpCollectorOptions<Item>): Promise<OtlpCollector<Item>> {
  const { decode, status = () => 200 } = options;
  const items: Item[] = [];
  const keys = new Set<string>();
  const waiting = new Set<() => void>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const unpacked = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      const kept = decode(unpacked, request.url ?? '');
      if (kept !== undefined) {
        keys.add(request.headers.authorization ?? '');
        items.push(...kept);
      }
      response.writeHead(status(), { 'content-type': 'application/x-protobuf' }).end();
      for (const check of waiting) check();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    items,
    keys,
    waitFor: (enough) =>
      new Promise((resolve) => {
        const check = () => {
          if (!enough(items)) return;
          waiting.delete(check);
          resolve(items);
        };
        waiting.add(check);
        check();
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** OTLP attributes as a plain object. */
export function attributesOf(list: readonly OtlpKeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value = {} }) => [key, Object.values(value)[0]]));
}
